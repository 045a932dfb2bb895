"""Payments in a plugin's scheme, from a request to its one success."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Value
from facilitator.roles.claim import NO_END
from facilitator.settlement.tracking.pending_settlement import ACCEPTED_CHECK_SECONDS
from facilitator.testing.payments import ALICE, MERCHANT, genesis_utxos, requirements
from facilitator.testing.pytest_plugin import RunFacilitator
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import parse_payment_request
from facilitator.x402.reasons import Reason
from facilitator_devnet.wallet import build, sign
from support import tip

FEE = 300_000
TERMS = {**requirements(confirmations=0), "scheme": "tip"}


@pytest.fixture(autouse=True)
def _plugin(tmp_path: Path) -> None:
    (tmp_path / "tip.py").write_bytes(Path(str(tip.__file__)).read_bytes())


@pytest.fixture
def running(run_facilitator: RunFacilitator) -> Running:
    return run_facilitator(plugins="devnet,memory,./tip.py")


def body_of(number: int = 0, *, more: int = 0) -> bytes:
    """A transaction's body without an end over that one of the wallet's outputs."""
    ref, output = list(genesis_utxos(ALICE).items())[number]
    paid = int(TERMS["amount"]) + more
    rest = output.value.lovelace - paid - FEE
    outputs = [
        (MERCHANT.address, Value(paid, {})),
        (ALICE.address, Value(rest, output.value.assets)),
    ]
    return build([ref], outputs, FEE, None)


def request(payload: Mapping[str, Any], terms: Mapping[str, Any] = TERMS) -> dict[str, Any]:
    return {
        "x402Version": 2,
        "paymentPayload": {"x402Version": 2, "accepted": dict(terms), "payload": dict(payload)},
        "paymentRequirements": dict(terms),
    }


def coded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def transfer(number: int = 0, *, more: int = 0, **payload: str) -> dict[str, Any]:
    signed = sign(body_of(number, more=more), [ALICE.payment_key])
    return request({"transaction": coded(signed), **payload})


def settled(running: Running, body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
    first = running.settle(body, Prefer="wait=0", **headers)
    assert first["errorReason"] == "settlement_pending", first
    running.next_block()
    return running.settle_until(body, lambda answer: bool(answer["success"]), **headers)


def test_it_is_supported(running: Running) -> None:
    kinds = running.call("GET", "/supported")[1]["kinds"]
    assert [kind["scheme"] for kind in kinds] == ["exact", "tip"]
    messages = ["transfer", "promise", "sealed"]
    assert kinds[1] == {
        "x402Version": 2,
        "scheme": "tip",
        "network": NETWORK,
        "extra": {"messages": messages, "devnet": True},
    }


def test_a_transfer_settles_once(running: Running) -> None:
    body = transfer(note="thanks", more=5)
    assert running.verify(body) == {"isValid": True, "payer": ALICE.bech32}
    answer = settled(running, body, **{"Idempotency-Key": "one"})
    assert answer["amount"] == TERMS["amount"]
    assert answer["extra"] == {"note": "thanks", "status": "confirmed", "confirmations": 0}
    running.next_block()
    assert running.settle(body, **{"Idempotency-Key": "one"}) == answer
    assert running.settle(body)["errorReason"] == "duplicate_settlement"
    assert running.verify(body)["invalidReason"] == "duplicate_settlement"
    status, found = running.call("POST", "/status", {"transaction": answer["transaction"]})
    assert (status, found["status"], found["settled"]) == (200, "confirmed", True)


def test_a_tip_of_too_little_or_to_another_network_is_refused(running: Running) -> None:
    dear = {**TERMS, "amount": "9000000"}
    payload = transfer()["paymentPayload"]["payload"]
    reason = "invalid_exact_cardano_payload_amount_insufficient"
    assert running.verify(request(payload, dear))["invalidReason"] == reason
    elsewhere = {**TERMS, "network": "cardano:preview"}
    verdict = running.verify(request(payload, elsewhere))
    assert verdict["invalidReason"] == Reason.NETWORK_MISMATCH


def test_a_scheme_that_no_plugin_has_is_refused_by_name(running: Running) -> None:
    verdict = running.verify(request({}, {**TERMS, "scheme": "upto"}))
    assert verdict["invalidReason"] == "unsupported_scheme"
    assert "'upto' is not supported; supported: exact, tip" in verdict["invalidMessage"]


def test_a_promise_is_valid_and_settles_nothing(running: Running) -> None:
    body = request({"promise": "alice"})
    verdict = running.verify(body)
    assert verdict == {"isValid": True, "payer": "alice", "extra": {"promised": 2_000_000}}
    answer = running.settle(body)
    assert (answer["success"], answer["errorReason"]) == (False, tip.MESSAGE)
    assert answer["transaction"] == ""
    counted: list[bool] = []
    running.facilitator.service.settle(
        parse_payment_request(body),
        wait_seconds=0.0,
        idempotency_key=None,
        client_disconnected=lambda: False,
        count=lambda is_counted: counted.append(is_counted()),
    )
    assert counted == [False]  # there is nothing to settle


def test_a_sealed_transfer_gets_its_witness_at_settle(running: Running) -> None:
    unsigned = sign(body_of(), [])
    this = sign(body_of(), [ALICE.payment_key])
    signature = ALICE.sign(running_id(this))
    body = request(
        {
            "transaction": coded(unsigned),
            "witness": coded(signature.public_key + signature.signature),
        }
    )
    assert running.verify(body)["isValid"]
    assert settled(running, body)["transaction"] == running_id(this).hex()
    forged = request({"transaction": coded(sign(body_of(1), [])), "witness": coded(bytes(96))})
    assert not running.verify(forged)["isValid"]


def running_id(transaction: bytes) -> bytes:
    return decode_transaction(transaction).id


def test_the_record_outlives_the_process(tmp_path: Path, run_facilitator: RunFacilitator) -> None:
    files: dict[str, Any] = {
        "plugins": "devnet,sqlite,./tip.py",
        "devnet__path": tmp_path / "devnet.db",
        "sqlite__path": tmp_path / "facilitator.db",
    }
    first = run_facilitator(**files)
    body = transfer(note="later")
    assert first.settle(body, Prefer="wait=0")["errorReason"] == "settlement_pending"
    first.next_block()
    clock = first.clock
    first.close()
    again = run_facilitator(clock=clock, **files)

    def is_settled(answer: dict[str, Any]) -> bool:
        assert clock is not None
        clock.advance(5)  # the first process may have ended before it saw the block
        return bool(answer["success"])

    assert again.settle_until(body, is_settled)["extra"]["note"] == "later"


def test_a_payment_that_has_landed_unseen_is_a_duplicate(running: Running) -> None:
    body = transfer()
    running.devnet.submit(base64.b64decode(body["paymentPayload"]["payload"]["transaction"]))
    running.next_block()
    assert running.verify(body)["invalidReason"] == "duplicate_settlement"
    answer = running.settle_until(body, lambda each: each["errorReason"] != "settlement_pending")
    assert answer["errorReason"] == "duplicate_settlement"


# --- Without an end -----------------------------------------------------------------------------


def pending_claim(running: Running, body: Mapping[str, Any]) -> Any:
    answer = running.settle(body, Prefer="wait=0")
    assert answer["errorReason"] == "settlement_pending"
    storage = running.facilitator.storage
    claim = storage.claim(answer["extra"]["transactionId"])
    assert claim is not None
    assert claim.invalid_hereafter == NO_END
    return claim


def drop(running: Running, this: str) -> None:
    """Have every node forget what waits: nothing shows the transaction any more."""
    with running.devnet.chain() as chain:
        assert this in chain.waiting
    running.next_block()
    running.devnet.rollback(1, drop=True)
    running.devnet.produce_block()


def test_one_that_is_not_found_is_sent_again_and_not_expired(running: Running) -> None:
    body = transfer(note="slow")
    claim = pending_claim(running, body)
    drop(running, claim.transaction_id)
    assert running.clock is not None
    running.clock.advance(10 * ACCEPTED_CHECK_SECONDS)
    running.devnet.produce_block()

    def is_waiting() -> bool:
        with running.devnet.chain() as chain:
            return claim.transaction_id in chain.waiting

    eventually(is_waiting)
    running.next_block()
    assert running.settle_until(body, lambda each: bool(each["success"]))


def test_one_whose_input_another_has_spent_is_rejected(running: Running) -> None:
    """Though a node had accepted it: no end of its validity will ever decide it."""
    body = transfer()
    claim = pending_claim(running, body)
    drop(running, claim.transaction_id)
    running.devnet.submit(sign(body_of(more=7), [ALICE.payment_key]))
    assert running.clock is not None
    running.next_block()
    clock = running.clock

    def is_decided(each: Mapping[str, Any]) -> bool:
        """Let the next look come due: the one before may have come a block too early."""
        clock.advance(10 * ACCEPTED_CHECK_SECONDS)
        running.devnet.produce_block()
        return bool(each["errorReason"] != "settlement_pending")

    answer = running.settle_until(body, is_decided)
    assert answer["extra"]["status"] == "rejected", answer
