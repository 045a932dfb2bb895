"""Payments of the ledger, for tests of what shows them."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from facilitator.roles.claim import ClaimState, Delivery
from facilitator.roles.payment_record import PaymentEvent, PaymentRecord, new_event, new_record
from facilitator.testing.payment_ledger import NOON, delivered, settled, submitted

NOWHERE: dict[str, Any] = {"block_slot": None, "block_height": None, "depth": None}
"""What a payment without a block does not have either."""


def paid(number: int = 1, **fields: Any) -> PaymentRecord:
    """A payment whose success was delivered, with these fields."""
    return replace(new_record(delivered(settled(submitted(number)))), **fields)


def event(number: int, **fields: Any) -> PaymentEvent:
    """An event of a submitted payment, with these fields."""
    return replace(new_event(submitted(), number, is_erased=False), **{"error": None, **fields})


def any_record() -> st.SearchStrategy[PaymentRecord]:
    """Payments with any texts in them, and times as exact as an export has them."""
    times = st.floats(0, 4e9).map(lambda seconds: round(seconds, 3))
    # The first characters matter most: formulas begin with some, and so does the mark before them.
    texts = st.text(st.sampled_from("=+-@'\"\t\r\n,;a\0ü")) | st.text()
    hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
    numbers = st.none() | st.integers(0, 2**63 - 1)
    records = st.builds(
        PaymentRecord,
        transaction_id=hashes,
        network=texts,
        scheme=texts,
        method=texts,
        payer=texts,
        pay_to=texts,
        asset=st.sampled_from(["lovelace", f"{'ab' * 28}.{b'coin'.hex()}"]),
        amount=st.integers(0, 2**80).map(str),
        fee=numbers,
        resource=texts,
        caller=texts,
        client=texts,
        identifier=texts,
        terms=st.dictionaries(texts, texts | st.integers(0, 2**53) | st.booleans()),
        request_id=texts,
        state=st.sampled_from(ClaimState),
        confirmations=st.integers(-1, 20),
        created_at=times,
        updated_at=times,
        settled_at=st.none() | times,
        block=st.none() | hashes,
        block_slot=st.none() | st.integers(0, 2**64 - 1),
        block_height=numbers,
        depth=numbers,
        error=st.none() | texts.filter(bool),
        delivery=st.sampled_from(Delivery),
        delivered_at=st.none() | times,
        delivered_to=texts,
        is_erased=st.just(value=False),
    )
    records = records.map(lambda each: each if each.block else replace(each, **NOWHERE))
    return records | records.map(erased)


def erased(payment: PaymentRecord) -> PaymentRecord:
    """The payment without its personal fields."""
    return replace(
        payment,
        payer=None,
        resource=None,
        client=None,
        identifier=None,
        terms=None,
        delivered_to=None,
        is_erased=True,
    )


__all__ = ["NOON", "any_record", "erased", "event", "paid"]
