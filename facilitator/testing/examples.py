"""Example claims and reservations for tests."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import Reservation

_CLAIM = Claim(
    transaction_id="c1" * 32,
    network="cardano:preprod",
    state=ClaimState.CLAIMED,
    transaction=b"\x84\xa0\xa0\xf5\xf6",
    requirements="f1" * 32,
    payer="addr_test1payer",
    amount="1000000",
    confirmations=1,
    invalid_hereafter=1_000_000,
    owner="first",
    lease_until=120.0,
    created_at=100.0,
    updated_at=100.0,
    keep_until=200.0,
)


def example_claim(**fields: Any) -> Claim:
    """Return a claim on transaction ``c1c1…``, made at 100 by ``first``, with these fields set."""
    return replace(_CLAIM, **fields)


def example_reservation(
    transaction_id: str = "c1" * 32,
    inputs: Collection[str] = ("aa#0",),
    payer: str = "addr_test1payer",
    expires_at: float = 100.0,
    *,
    pay_to: str = "addr_test1shop",
    is_settling: bool = True,
) -> Reservation:
    """Return a reservation; by default a settlement's, of one input, until 100."""
    return Reservation(
        transaction_id, frozenset(inputs), payer, pay_to, expires_at, is_settling=is_settling
    )


def any_claim() -> st.SearchStrategy[Claim]:
    """Return a strategy for claims with every value that the fields' documentation allows."""
    slots = st.integers(0, 2**64 - 1)
    numbers = st.integers(-(2**63), 2**63 - 1)
    times = st.floats(allow_nan=False, allow_infinity=False)
    optional_text = st.none() | st.text()
    return st.builds(
        Claim,
        transaction_id=st.binary(min_size=32, max_size=32).map(bytes.hex),
        network=st.text(),
        state=st.sampled_from(ClaimState),
        transaction=st.binary(),
        requirements=st.text(),
        payer=st.text(),
        amount=st.text(),
        confirmations=numbers,
        invalid_hereafter=slots,
        owner=st.text(),
        lease_until=times,
        created_at=times,
        updated_at=times,
        keep_until=times,
        accepted=st.booleans(),
        block=optional_text,
        block_slot=st.none() | slots,
        block_height=st.none() | numbers,
        depth=st.none() | numbers,
        error=optional_text,
        answer=st.none() | st.binary(),
        answer_key=optional_text,
        version=st.integers(0, 2**63 - 2),
        nonce=st.text(),
        follows=st.text(),
        scheme=st.text(),
        record=st.binary(),
        details=st.binary(),
        delivered_to=st.text(),
        delivery_request=st.text(),
    )
