"""Claims as one short value."""

from dataclasses import replace

import pytest
from hypothesis import given

from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.claim_record import UnreadableRecord, claim_from_record, claim_to_record
from facilitator.testing.examples import any_claim, example_claim

SETTLED = replace(
    example_claim(),
    state=ClaimState.SETTLED,
    accepted=True,
    block="b0" * 32,
    block_slot=1_000_000,
    block_height=77,
    depth=1,
    answer=b'{"success":true,"transaction":"' + b"c1" * 32 + b'","network":"cardano:preprod"}',
    answer_key="a0" * 32,
    version=4,
    nonce="0123456789abcdef",
    follows="fedcba9876543210",
    record=b"\0\xff",
    details=b'{"payTo":"addr_test1shop","asset":"lovelace"}',
    delivered_to="shop",
    delivery_request="9df937be-d20f-4b2c-8de1-1e5e28d9aa2b",
)
OF_FORM_1 = bytes.fromhex(
    "018bc612d870e79ac21d0b0973482ca0ba1ac2048647665131d089864640978144e1a41198847b0daadedc1ce64b43"
    "2353545f1ae99898021d91915f00b4ca3225cdd2d83c295537c5c8204dd724c92859d72225d550d730d534d5c822c5"
    "3231d1284929968b40eaa23494f0a6ce5a86ffa8a9081258500f60a4a65a0084a0a0f5f6f1f1f1f1f1f1f1f1f1f1f1"
    "f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"
    "b0b0b0b0b0b0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0fedcba9876543210"
)


def read(claim: Claim, record: bytes) -> Claim:
    return claim_from_record(claim.transaction_id, claim.version, claim.nonce, record)


@given(any_claim())
def test_every_claim_is_read_as_it_was(claim: Claim) -> None:
    assert read(claim, claim_to_record(claim)) == claim


def test_what_this_version_has_stored_stays_readable() -> None:
    """These bytes are in the storages of those who use it."""
    assert read(SETTLED, OF_FORM_1) == SETTLED


def test_a_record_is_less_than_half_of_its_claim() -> None:
    fields = [getattr(SETTLED, name) for name in SETTLED.__slots__]
    assert len(claim_to_record(SETTLED)) < len("".join(map(str, fields))) / 2


def test_a_part_of_a_record_is_refused() -> None:
    record = claim_to_record(SETTLED)
    for length in range(len(record)):
        with pytest.raises(UnreadableRecord):
            read(SETTLED, record[:length])


def test_a_record_that_inflates_without_end_is_refused() -> None:
    """It may be of another program, in a storage that others share."""
    record = claim_to_record(replace(SETTLED, details=bytes(65 * 2**20)))
    assert len(record) < 2**20
    with pytest.raises(UnreadableRecord):
        read(SETTLED, record)


@pytest.mark.parametrize("record", [b"\x02", b"\x01\x00", claim_to_record(SETTLED) + b"\0"])
def test_another_form_is_refused(record: bytes) -> None:
    with pytest.raises(UnreadableRecord):
        read(SETTLED, record)
