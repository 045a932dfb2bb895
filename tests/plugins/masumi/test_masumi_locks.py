"""Each rule about the lock of the transfer method broken once: its reason."""

from functools import partial
from typing import Any

import cbor2
import pytest

from facilitator.testing.payments import ALICE, BOB, MERCHANT, request_body
from facilitator.testing.running import Running
from facilitator_devnet.genesis import TEST_TOKEN
from support.masumi import (
    ESCROW_BYTES,
    MINUTE,
    NONE,
    NOW_MS,
    SELLER,
    Constr,
    authorize,
    coins,
    datum_fields,
    escrow_output,
    key_credential,
    lock,
    locking,
    offer,
    party,
    plutus,
    some,
)
from support.masumi_refusals import PAYLOAD, put, refusal

SCRIPT_HASH = ESCROW_BYTES[1:]
GROWN = 2_700_000
"""Lovelace that a lock of the least size does with, but not once it has its result."""

terms = partial(put, "extra", "terms")

# --- Deadlines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "minutes"),
    [("submitResultTime", 15), ("unlockTime", 35), ("externalDisputeUnlockTime", 55)],
)
def test_deadlines_that_follow_too_soon(asked: Running, name: str, minutes: int) -> None:
    """10, 20, 40 and 60 minutes from now; 5, 15 and 15 are the least between them."""
    at = NOW_MS + minutes * MINUTE
    good = offer(before=terms(name, value=str(at)))
    assert asked.verify(request_body(lock(good, ttl=asked.slot + 300), good))["isValid"]
    reason, message = refusal(asked, offer(before=terms(name, value=str(at - 1))))
    assert reason == PAYLOAD + "deadline"
    assert name in message


def test_a_lock_that_may_land_after_the_deadline(asked: Running) -> None:
    soon = offer(before=terms("payByTime", value=str(NOW_MS + 5 * MINUTE)))
    valid = asked.verify(request_body(lock(soon, ttl=asked.slot + 300), soon))
    assert valid["isValid"] is True
    reason, message = refusal(asked, soon, lock(soon, ttl=asked.slot + 301))
    assert reason == PAYLOAD + "deadline"
    assert "payByTime" in message


def test_a_lock_without_an_end(asked: Running) -> None:
    agreed = offer()
    datum = plutus(Constr(0, tuple(datum_fields(agreed, ALICE.address))))
    raw = locking([escrow_output(6_000_000, {}, datum)], coins(0), ttl=None)
    assert refusal(asked, agreed, raw)[0] == PAYLOAD + "deadline"


# --- The datum ----------------------------------------------------------------------------------

OTHER = party(BOB.address)
ESCROW_PARTY = Constr(0, (Constr(1, (SCRIPT_HASH,)), NONE))
DATUM_FIELDS = {
    "another buyer": (0, OTHER, "mismatch"),
    "a buyer that is a script": (0, Constr(0, (Constr(1, (bytes(28),)), NONE)), "invalid"),
    "a buyer whose stake is a script": (
        0,
        Constr(
            0,
            (
                key_credential(ALICE.address[1:29]),
                some(Constr(0, (Constr(1, (SCRIPT_HASH,)),))),
            ),
        ),
        "invalid",
    ),
    "a buyer with a pointer": (
        0,
        Constr(0, (key_credential(ALICE.address[1:29]), some(Constr(1, (1, 2, 3))))),
        "invalid",
    ),
    "the escrow as the buyer": (0, ESCROW_PARTY, "invalid"),
    "the escrow to return to": (1, some(ESCROW_PARTY), "invalid"),
    "the seller to return to": (1, some(party(SELLER.address)), "invalid"),
    "another seller": (2, OTHER, "mismatch"),
    "the escrow as the seller": (2, ESCROW_PARTY, "invalid"),
    "a seller without its stake": (2, party(SELLER.enterprise_address), "mismatch"),
    "a return address that was not signed": (3, some(OTHER), "mismatch"),
    "another key": (4, b"\x01" * 40, "mismatch"),
    "another signature": (5, b"\x01" * 40, "mismatch"),
    "a short signature": (5, b"\x01" * 15, "invalid"),
    "another seller's nonce": (6, b"\x01" * 32, "mismatch"),
    "another buyer's nonce": (7, b"\x01" * 7, "mismatch"),
    "an agent": (8, b"\x01", "mismatch"),
    "another hash": (10, b"\x01" * 32, "mismatch"),
    "a result": (11, b"\x01" * 32, "invalid"),
    "an earlier time to pay by": (12, NOW_MS + 9 * MINUTE, "mismatch"),
    "a later time for the result": (13, NOW_MS + 21 * MINUTE, "mismatch"),
    "another time to unlock": (14, NOW_MS + 39 * MINUTE, "mismatch"),
    "another time for disputes": (15, NOW_MS + 61 * MINUTE, "mismatch"),
    "a cooldown of the seller": (16, 1, "invalid"),
    "a cooldown of the buyer": (17, 1, "invalid"),
    "another state": (18, Constr(1, ()), "invalid"),
    "a state with a field": (18, Constr(0, (0,)), "invalid"),
    "a number for a text": (4, 1, "invalid"),
    "a text for a number": (12, b"\x01", "invalid"),
    "a hash that is cut short": (0, Constr(0, (key_credential(bytes(27)), NONE)), "invalid"),
}


@pytest.mark.parametrize(("place", "value", "reason"), DATUM_FIELDS.values(), ids=DATUM_FIELDS)
def test_each_field_of_the_datum(asked: Running, place: int, value: Any, reason: str) -> None:
    agreed = offer()
    raw = lock(agreed, ttl=asked.slot + 300, change=lambda fields: fields.__setitem__(place, value))
    assert refusal(asked, agreed, raw)[0] == f"{PAYLOAD}datum_{reason}"


def test_a_datum_of_another_shape(asked: Running) -> None:
    agreed = offer()
    fields = datum_fields(agreed, ALICE.address)
    for datum in (
        plutus(Constr(1, fields)),
        plutus(Constr(0, fields[:-1])),
        plutus(Constr(0, [*fields, 0])),
        plutus(0),
        plutus(b""),
        b"\x80",
    ):
        raw = locking([escrow_output(6_000_000, {}, datum)], coins(0), ttl=asked.slot + 300)
        assert refusal(asked, agreed, raw)[0] == PAYLOAD + "datum_invalid"


def test_a_buyer_who_did_not_sign(asked: Running) -> None:
    """Bob pays, and signs, for a buyer who would get the refund and did not."""
    agreed = offer()
    datum = plutus(Constr(0, datum_fields(agreed, ALICE.address)))
    raw = locking(
        [escrow_output(6_000_000, {}, datum)],
        coins(0, wallet=BOB),
        ttl=asked.slot + 300,
        wallet=BOB,
    )
    reason, message = refusal(asked, agreed, raw)
    assert reason == PAYLOAD + "datum_mismatch"
    assert "signed" in message


def test_a_buyer_who_signed_but_does_not_own_the_nonce(asked: Running) -> None:
    agreed = offer()
    datum = plutus(Constr(0, datum_fields(agreed, ALICE.address)))
    ref, theirs = coins(0), coins(0, wallet=BOB)
    raw = locking(
        [escrow_output(6_000_000, {}, datum)],
        ref,
        ttl=asked.slot + 300,
        also=(theirs, BOB),
    )
    assert asked.verify(request_body(raw, agreed, nonce=ref))["isValid"] is True
    answer = asked.verify(request_body(raw, agreed, nonce=theirs))
    assert answer["invalidReason"] == PAYLOAD + "datum_mismatch"
    assert "nonce" in answer["invalidMessage"]


# --- The output ---------------------------------------------------------------------------------


def outputs(
    asked: Running, *made: dict[int, Any], agreed: dict[str, Any], token: bool = False
) -> Any:
    raw = locking(made, coins(0, token=token), ttl=asked.slot + 300)
    return refusal(asked, agreed, raw)


def lock_datum(agreed: dict[str, Any], collateral: int = 0) -> bytes:
    return plutus(Constr(0, datum_fields(agreed, ALICE.address, collateral)))


def test_the_escrow_is_not_paid(asked: Running) -> None:
    agreed = offer()
    elsewhere = {0: MERCHANT.address, 1: 6_000_000}
    reason, _ = outputs(asked, elsewhere, agreed=agreed)
    assert reason == "invalid_exact_cardano_payload_recipient_mismatch"


def test_the_escrow_is_paid_too_little(asked: Running) -> None:
    agreed = offer()
    output = escrow_output(5_999_999, {}, lock_datum(agreed))
    reason, _ = outputs(asked, output, agreed=agreed)
    assert reason == "invalid_exact_cardano_payload_amount_insufficient"


def test_two_outputs_to_the_escrow(asked: Running) -> None:
    agreed = offer()
    output = escrow_output(6_000_000, {}, lock_datum(agreed))
    reason, _ = outputs(asked, output, output, agreed=agreed)
    assert reason == PAYLOAD + "escrow_output_count"


def test_no_datum_in_the_output(asked: Running) -> None:
    agreed = offer()
    hashed = escrow_output(6_000_000, {}, None, _2=[0, bytes(32)])
    for output in (escrow_output(6_000_000, {}, None), hashed):
        assert outputs(asked, output, agreed=agreed)[0] == PAYLOAD + "datum_missing"


def test_a_reference_script_in_the_output(asked: Running) -> None:
    agreed = offer()
    script = cbor2.CBORTag(24, cbor2.dumps([0, [0, bytes(28)]]))
    output = escrow_output(6_000_000, {}, lock_datum(agreed), _3=script)
    assert outputs(asked, output, agreed=agreed)[0] == PAYLOAD + "reference_script"


@pytest.mark.parametrize(
    ("locked", "collateral"),
    [(6_000_001, 0), (7_435_229, 1_435_229), (6_000_000, 1_435_230), (6_000_000, -1)],
    ids=["more than asked", "too little", "not there", "below 0"],
)
def test_collateral(asked: Running, locked: int, collateral: int) -> None:
    agreed = offer()
    output = escrow_output(locked, {}, lock_datum(agreed, collateral))
    assert outputs(asked, output, agreed=agreed)[0] == PAYLOAD + "collateral"


def test_collateral_of_the_least_size(asked: Running) -> None:
    agreed = offer()
    output = escrow_output(7_435_230, {}, lock_datum(agreed, 1_435_230))
    raw = locking([output], coins(0), ttl=asked.slot + 300)
    assert asked.verify(request_body(raw, agreed))["isValid"] is True


def test_another_token_beside(asked: Running) -> None:
    agreed = offer()
    policy, name = TEST_TOKEN[:28], TEST_TOKEN[28:]
    output = escrow_output(6_000_000, {policy: {name: 1}}, lock_datum(agreed))
    assert outputs(asked, output, agreed=agreed, token=True)[0] == PAYLOAD + "asset"


def test_more_of_the_token_than_asked(asked: Running) -> None:
    agreed = offer(asset=TEST_TOKEN)
    policy, name = TEST_TOKEN[:28], TEST_TOKEN[28:]
    output = escrow_output(6_000_000, {policy: {name: 6_000_001}}, lock_datum(agreed, 6_000_000))
    assert outputs(asked, output, agreed=agreed, token=True)[0] == PAYLOAD + "asset"


def test_too_little_for_the_result(asked: Running) -> None:
    agreed = offer(amount=GROWN)
    output = escrow_output(GROWN, {}, lock_datum(agreed))
    reason, message = outputs(asked, output, agreed=agreed)
    assert reason == PAYLOAD + "min_utxo"
    assert str(GROWN) in message


def test_authorizing_again_heals_it(asked: Running) -> None:
    """So that the refusals above come from what they changed."""

    def change(requirements: dict[str, Any]) -> None:
        requirements["extra"]["terms"]["buyerNonce"] = "01" * 7
        authorize(requirements)

    agreed = offer(after=change)
    assert asked.verify(request_body(lock(agreed, ttl=asked.slot + 300), agreed))["isValid"]
