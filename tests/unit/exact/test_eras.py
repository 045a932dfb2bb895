"""Payments under protocol version 12, beyond it, and around the hard fork."""

import base64
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cbor2
import pytest

from facilitator.cardano.ended_forms import EndedForm
from facilitator.cardano.transaction import OutputRef
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, request_body
from facilitator.testing.payments import requirements as terms_of
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.genesis import epochs_of
from facilitator_devnet.wallet import sign
from support.dijkstra import sub_transaction

NETWORK = "cardano:preprod"
PAYLOAD = "invalid_exact_cardano_payload"
DECODE_FAILED = f"{PAYLOAD}_transaction_decode_failed"
REFS = list(genesis_utxos(ALICE))
TERMS = terms_of()
POINTER = b"\x40" + bytes(28) + b"\x01\x02\x03"
STAKE = [0, ALICE.reward_address[1:]]

Body = dict[str, Any]
Fields = dict[int, Any]


@pytest.fixture(scope="module")
def dijkstra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with closing(started(tmp_path_factory.mktemp("dijkstra"), 12)) as running:
        yield running


def started(folder: Path, version: int, **settings: str) -> Running:
    named = {
        "FACILITATOR_DEVNET__PROTOCOL_VERSION": str(version),
        "FACILITATOR_RESERVATION__TTL_SECONDS": "0",
    }
    return Running(folder, settings={**named, **settings})


def fields(ref: OutputRef, slot: int, fee: int = 300_000) -> Fields:
    """The fields of a payment of 2 ada that is good under every version."""
    held = genesis_utxos(ALICE)[ref].value.lovelace
    return {
        0: [list(ref)],
        1: [[MERCHANT.address, 2_000_000], [ALICE.address, held - 2_000_000 - fee]],
        2: fee,
        3: slot + 300,
    }


def signed(body: Fields, signatures: int = 1, **witnesses: Any) -> bytes:
    raw = sign(cbor2.dumps(body), [ALICE.payment_key] * signatures)
    if not witnesses:
        return raw
    parts = cbor2.loads(sign(cbor2.dumps(body), []))
    assert parts[1] == {}
    found = {0: cbor2.loads(raw)[1][0], **{int(key[1:]): each for key, each in witnesses.items()}}
    return b"\x84" + cbor2.dumps(body) + cbor2.dumps(found) + b"\xf5\xf6"


def short(raw: bytes) -> bytes:
    """A transaction without auxiliary data in the envelope of Dijkstra."""
    assert raw[-2:] == b"\xf5\xf6"
    return b"\x83" + raw[1:-2] + b"\xf6"


def verdict(running: Running, raw: bytes, ref: OutputRef = REFS[0]) -> tuple[str, str]:
    """The reason and the message of the refusal; nothing for a valid payment."""
    answer = running.verify(request_body(raw, TERMS, ref))
    return answer.get("invalidReason", ""), answer.get("invalidMessage", "")


# --- Version 12 -----------------------------------------------------------------------------------


def test_a_plain_payment_is_good_in_either_envelope(dijkstra: Running) -> None:
    raw = signed(fields(REFS[0], dijkstra.slot))
    assert verdict(dijkstra, raw) == ("", "")
    assert verdict(dijkstra, short(raw)) == ("", "")


def test_the_missing_byte_of_the_short_envelope_is_paid_for(dijkstra: Running) -> None:
    fee = 44 * 10_000  # more than enough to find the exact one
    for _ in range(3):
        raw = short(signed(fields(REFS[0], dijkstra.slot, fee)))
        fee = 44 * len(raw) + 155_381
    assert verdict(dijkstra, short(signed(fields(REFS[0], dijkstra.slot, fee)))) == ("", "")
    less = short(signed(fields(REFS[0], dijkstra.slot, fee - 1)))
    reason, message = verdict(dijkstra, less)
    assert reason == f"{PAYLOAD}_fee_below_minimum"
    assert f"at least {fee} is needed" in message


def test_a_payment_settles_in_the_short_envelope(tmp_path: Path) -> None:
    with closing(started(tmp_path, 12)) as running:
        raw = short(signed(fields(REFS[0], running.slot)))
        body = request_body(raw, TERMS, REFS[0])
        assert running.settle(body, Prefer="wait=0")["errorReason"] == "settlement_pending"
        running.next_block()
        running.next_block()
        answer = running.settle_until(body, lambda answer: bool(answer["success"]))
        assert running.call("GET", f"/status/{answer['transaction']}")[1]["status"] == "confirmed"


def _ended_forms(slot: int) -> dict[EndedForm, bytes]:
    plain = fields(REFS[0], slot)
    raw = signed(plain)
    old_builder = {**plain, 1: [[MERCHANT.address, [2_000_000, {}]], *plain[1][1:]]}
    paying, (address, change) = plain[1]
    registering = {**plain, 1: [paying, [address, change - 2_000_000]], 4: [[0, STAKE]]}
    bootstrap = [bytes(ALICE.payment_key.verify_key), bytes(64), bytes(31), b"\xa0"]
    return {
        EndedForm.FALSE_VALIDITY_FLAG: raw.replace(b"\xf5\xf6", b"\xf4\xf6"),
        EndedForm.CERTIFICATE_WITHOUT_DEPOSIT: signed(registering),
        EndedForm.LISTED_REDEEMERS: signed(plain, _5=[[0, 0, 0, [1, 1]]]),
        EndedForm.DUPLICATE_WITNESS: signed(plain, signatures=2),
        EndedForm.EMPTY_MULTI_ASSET: signed(old_builder),
        EndedForm.CHAIN_CODE_SIZE: signed(plain, _2=[bootstrap]),
        EndedForm.POINTER_COLLATERAL_RETURN: signed({**plain, 16: [POINTER, 2_000_000]}),
    }


@pytest.mark.parametrize("form", EndedForm)
def test_what_ended_with_conway_is_refused_by_name(dijkstra: Running, form: EndedForm) -> None:
    reason, message = verdict(dijkstra, _ended_forms(dijkstra.slot)[form])
    is_rule = form is EndedForm.POINTER_COLLATERAL_RETURN
    assert reason == (f"{PAYLOAD}_phase1_invalid" if is_rule else DECODE_FAILED)
    assert message.startswith(f"{form}: ")


def test_batches_and_sub_transactions_are_refused_by_name(dijkstra: Running) -> None:
    sub = {0: [list(REFS[1])], 1: [[MERCHANT.address, 2_000_000]]}
    batch = short(signed({**fields(REFS[0], dijkstra.slot), 23: [[sub, {}, None]]}))
    reason, message = verdict(dijkstra, batch)
    assert reason == f"{PAYLOAD}_batch_not_accepted"
    assert "1 sub-transactions come with it" in message
    reason, _ = verdict(dijkstra, sub_transaction({0: [list(REFS[0])], 1: []}))
    assert reason == f"{PAYLOAD}_unsigned"
    reason, message = verdict(dijkstra, short(signed(sub)), REFS[1])
    assert reason == f"{PAYLOAD}_sub_transaction_not_accepted"


def test_inspection_names_the_era_too(tmp_path: Path) -> None:
    with closing(started(tmp_path, 12, FACILITATOR_INSPECT__ENABLED="true")) as running:
        raw = _ended_forms(running.slot)[EndedForm.DUPLICATE_WITNESS]
        status, report = running.call("POST", "/inspect", request_body(raw, TERMS, REFS[0]))
        assert status == 200, report
        broken = {row["rule"] for row in report["checks"] if row["result"] == "fail"}
        assert "DuplicateWitness" in broken


# --- Before version 12 ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", [10, 11])
def test_before_the_fork_its_forms_are_none(tmp_path: Path, version: int) -> None:
    with closing(started(tmp_path, version)) as running:
        raw = short(signed(fields(REFS[0], running.slot)))
        reason, message = verdict(running, raw)
        assert reason == DECODE_FAILED
        assert f"no place under protocol version {version}" in message
        assert verdict(running, signed(fields(REFS[0], running.slot), signatures=2)) == ("", "")


def test_bytes_of_no_era_have_the_error_of_their_own_envelope(dijkstra: Running) -> None:
    assert verdict(dijkstra, b"\x84\xa0") == (DECODE_FAILED, verdict(dijkstra, b"\x84\xa0")[1])
    assert "not one of Dijkstra" in verdict(dijkstra, b"\x83\xa0\xa0\xf6")[1]
    assert "Dijkstra" not in verdict(dijkstra, b"\x84\xa0")[1]


# --- Beyond version 12 ----------------------------------------------------------------------------


def test_an_unknown_version_is_refused_with_its_number(tmp_path: Path) -> None:
    with closing(started(tmp_path, 13)) as running:
        reason, message = verdict(running, signed(fields(REFS[0], running.slot)))
        assert reason == "exact_cardano_facilitator_protocol_version_not_known"
        assert "protocol version 13 is in force" in message
        status, health = running.call("GET", "/health")
        assert (status, health["status"]) == (200, "degraded")
        told = health["dependencies"]["protocol"]
        assert told["status"] == "down"
        assert "protocol version 13" in told["error"]
        assert running.call("GET", "/health/ready")[0] == 200


# --- Around the fork ------------------------------------------------------------------------------


def test_near_an_epochs_end_only_what_both_versions_take_is_valid(tmp_path: Path) -> None:
    with closing(started(tmp_path, 11)) as running:
        assert running.clock is not None
        old = _ended_forms(running.slot)[EndedForm.DUPLICATE_WITNESS]
        assert verdict(running, old) == ("", "")
        epochs = epochs_of(NETWORK)
        ends = epochs.first_slot(epochs.at(running.slot) + 1)
        running.clock.advance(ends - 200 - running.slot)
        running.devnet.produce_block()
        old = _ended_forms(running.slot)[EndedForm.DUPLICATE_WITNESS]
        reason, message = verdict(running, old)
        assert reason == DECODE_FAILED
        assert "it could land after epoch" in message
        assert verdict(running, signed(fields(REFS[0], running.slot))) == ("", "")
        running.clock.advance(400)  # the parameters at the tip are still those of the epoch before
        assert verdict(running, signed(fields(REFS[0], running.slot), 2))[0] == DECODE_FAILED
        running.devnet.produce_block()
        assert verdict(running, signed(fields(REFS[0], running.slot), 2)) == ("", "")


def test_a_settlement_that_is_open_across_the_fork_ends_as_the_chain_decides(
    tmp_path: Path,
) -> None:
    with closing(started(tmp_path, 11)) as running:
        running.devnet.fork(running.slot + 50)
        landed, dropped, plain = (
            request_body(signed(fields(ref, running.slot), count), TERMS, ref)
            for ref, count in zip(REFS, (2, 2, 1), strict=False)
        )
        assert running.clock is not None
        assert running.settle(landed, Prefer="wait=0")["errorReason"] == "settlement_pending"
        running.next_block()
        running.settle_until(landed, lambda answer: "confirmations" in answer["extra"])
        for body in (dropped, plain):
            assert running.settle(body, Prefer="wait=0")["errorReason"] == "settlement_pending"
        running.clock.advance(60)
        running.next_block()
        assert running.devnet.parameters().protocol_major == 12
        assert running.settle_until(landed, lambda answer: bool(answer["success"]))
        assert running.verify(landed)["invalidReason"] == "duplicate_settlement"
        again = running.settle(dropped, Prefer="wait=0")
        assert again["errorReason"] == "settlement_pending"
        running.clock.advance(600)

        def ended() -> Body | None:
            """The answer once it is not pending; time passes meanwhile."""
            running.next_block()
            answer = running.settle(dropped, Prefer="wait=0")
            return None if answer["errorReason"] == "settlement_pending" else answer

        eventually(ended)
        answer = running.settle(dropped, Prefer="wait=0")
        assert answer["errorReason"] == "exact_cardano_settlement_failed"
        assert answer["extra"]["status"] == "expired"
        assert running.settle_until(plain, lambda answer: bool(answer["success"]))


def test_what_is_in_a_block_ends_well_beyond_the_known_versions(tmp_path: Path) -> None:
    with closing(started(tmp_path, 12)) as running:
        running.devnet.fork(running.slot + 50, 13)
        body = request_body(signed(fields(REFS[0], running.slot)), TERMS, REFS[0])
        assert running.settle(body, Prefer="wait=0")["errorReason"] == "settlement_pending"
        running.next_block()
        running.settle_until(body, lambda answer: "confirmations" in answer["extra"])
        assert running.clock is not None
        running.clock.advance(60)
        running.next_block()
        assert running.devnet.parameters().protocol_major == 13
        assert running.settle_until(body, lambda answer: bool(answer["success"]))
        copy = body["paymentPayload"]["payload"]["transaction"]
        forged = base64.b64encode(base64.b64decode(copy)[:-66] + bytes(64) + b"\xf5\xf6").decode()
        body["paymentPayload"]["payload"]["transaction"] = forged
        assert running.settle(body, Prefer="wait=0")["errorReason"].endswith("not_known")
