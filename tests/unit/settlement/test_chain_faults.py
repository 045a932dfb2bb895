"""Settlements through rollbacks, lost replies, outages and expiry."""

from collections.abc import Callable
from typing import Any, Literal

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.roles.chain import InBlock, NotFound
from facilitator.testing.payments import Payer, request_body, requirements, transaction_id
from facilitator.testing.running import Running

Run = Callable[..., Running]
PENDING = "settlement_pending"
LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"


@pytest.fixture
def running(run: Run) -> Running:
    return run(settlement__wait_seconds=0, settlement__lease_seconds=1)


def in_block(answer: Any) -> bool:
    return "confirmations" in answer["extra"]


def succeeded(answer: Any) -> bool:
    return bool(answer["success"])


def test_a_rollback_takes_confirmations_back(running: Running) -> None:
    body = Payer(running).body(confirmations=2)
    running.settle(body)
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: answer["extra"].get("confirmations") == 1)

    running.devnet.rollback(2)
    running.settle_until(body, lambda answer: not in_block(answer))
    running.next_block()
    running.settle_until(body, lambda answer: answer["extra"].get("confirmations") == 0)
    running.next_block()
    assert running.settle(body)["errorReason"] == PENDING
    running.next_block()
    answer = running.settle_until(body, succeeded)
    assert answer["extra"] == {"status": "confirmed", "confirmations": 2}


def test_a_payment_that_a_rollback_dropped_is_submitted_again(running: Running) -> None:
    body = Payer(running).body()
    running.settle(body)
    running.next_block()
    running.settle_until(body, in_block)

    running.devnet.rollback(1, drop=True)
    assert isinstance(running.devnet.transaction(transaction_id(body)), NotFound)
    running.settle_until(body, lambda answer: not in_block(answer))
    wait_in_mempool(running, body)
    running.next_block()
    running.next_block()
    assert running.settle_until(body, succeeded)["transaction"] == transaction_id(body)


def wait_in_mempool(running: Running, body: dict[str, Any]) -> None:
    running.settle_until(
        body,
        lambda _: not isinstance(running.devnet.transaction(transaction_id(body)), NotFound),
    )


def test_a_rollback_before_anything_was_remembered(running: Running) -> None:
    running.next_block()
    body = Payer(running).body(confirmations=1)
    running.settle(body)
    running.devnet.rollback(1)
    running.next_block()
    running.next_block()
    running.next_block()
    assert running.settle_until(body, succeeded)["extra"]["status"] == "confirmed"


def test_a_lost_reply_of_the_node_is_reconciled_by_id(running: Running) -> None:
    body = Payer(running).body()
    running.devnet.faults.lose_replies()
    assert running.settle(body)["errorReason"] == PENDING
    running.next_block()
    running.next_block()
    assert running.settle_until(body, succeeded)["success"] is True


def test_a_lost_submission_is_sent_again(running: Running) -> None:
    body = Payer(running).body()
    running.devnet.faults.lose_submissions()
    assert running.settle(body)["errorReason"] == PENDING
    assert isinstance(running.devnet.transaction(transaction_id(body)), NotFound)
    assert running.clock is not None
    running.clock.advance(6)
    wait_in_mempool(running, body)
    running.next_block()
    running.next_block()
    assert running.settle_until(body, succeeded)["success"] is True


@pytest.mark.parametrize("method", ["outputs", "tip"])
def test_while_the_chain_cannot_be_asked_nothing_is_claimed(
    running: Running, method: Literal["outputs", "tip"]
) -> None:
    body = Payer(running).body()
    running.devnet.faults.fail(method)
    answer = running.settle(body)
    assert answer["errorReason"] == LOOKUP_FAILED
    assert running.facilitator.storage.claim(transaction_id(body)) is None
    assert running.settle(body)["errorReason"] == PENDING


def test_an_outage_is_no_verdict_on_the_payment(running: Running) -> None:
    body = Payer(running).body()
    running.devnet.faults.fail("outputs")
    assert running.verify(body)["invalidReason"] == LOOKUP_FAILED
    running.devnet.faults.lag()
    assert running.verify(body)["invalidReason"] == LOOKUP_FAILED
    assert running.verify(body)["isValid"] is True


def test_an_outage_while_waiting_only_delays(running: Running) -> None:
    body = Payer(running).body()
    running.settle(body)
    running.devnet.faults.fail("blocks_after", 3)
    running.next_block()
    running.next_block()
    assert running.settle_until(body, succeeded)["success"] is True


def test_a_definite_rejection_is_final(running: Running) -> None:
    """Another transaction spends the input between the verdict and the submission."""
    payer = Payer(running)
    terms = requirements()
    first = payer.transaction(terms)
    body = request_body(first, terms)
    rival = payer.spend([decode_transaction(first).body.inputs[0]], requirements(amount=3_000_000))
    outputs = running.devnet.outputs

    def spend_meanwhile(refs: Any) -> Any:
        answer = outputs(refs)
        running.devnet.outputs = outputs  # type: ignore[method-assign]
        running.devnet.submit(rival)
        running.next_block()
        running.next_block()
        return answer

    running.devnet.outputs = spend_meanwhile  # type: ignore[method-assign]
    answer = running.settle(body)
    assert answer["errorReason"] == "exact_cardano_settlement_definitively_rejected"
    assert "BadInputsUTxO" in answer["errorMessage"]
    running.devnet.rollback(2, drop=True)
    again = running.settle(body)
    assert again["errorReason"] == "exact_cardano_settlement_definitively_rejected"
    assert running.verify(body)["invalidReason"] == again["errorReason"]
    _, status = running.call("GET", f"/status/{transaction_id(body)}")
    assert status["status"] == "rejected"


def test_a_payment_that_cannot_land_any_more_ends_as_expired(running: Running) -> None:
    body = Payer(running).body(seconds=60)
    running.devnet.faults.lose_submissions()
    running.settle(body)
    clock = running.clock
    assert clock is not None
    clock.advance(61)
    running.devnet.produce_block()
    assert running.settle(body)["errorReason"] == PENDING
    clock.advance(120)
    running.devnet.produce_block()

    def is_decided(answer: dict[str, Any]) -> bool:
        clock.advance(10)  # to the next question by id
        return bool(answer["errorReason"] != PENDING)

    answer = running.settle_until(body, is_decided)
    assert answer["errorReason"] == "exact_cardano_settlement_failed"
    assert answer["extra"] == {"status": "expired"}
    _, status = running.call("GET", f"/status/{transaction_id(body)}")
    assert status["status"] == "expired"


def test_status_tells_of_transactions_that_were_not_settled_here(running: Running) -> None:
    body = Payer(running).body()
    transaction = transaction_id(body)
    assert running.call("GET", f"/status/{transaction}")[1] == {
        "transaction": transaction,
        "status": "not_found",
        "settled": False,
    }
    running.devnet.submit(raw(body))
    _, status = running.call("POST", "/status", {"transaction": transaction})
    assert status["status"] == "pending"
    running.next_block()
    running.next_block()
    _, status = running.call("GET", f"/status/{transaction}")
    found = running.devnet.transaction(transaction)
    assert isinstance(found, InBlock)
    assert status == {
        "transaction": transaction,
        "network": "cardano:preprod",
        "status": "confirmed",
        "confirmations": 1,
        "block": found.point.block,
        "settled": False,
    }


def raw(body: dict[str, Any]) -> bytes:
    import base64

    return base64.b64decode(body["paymentPayload"]["payload"]["transaction"])


def test_an_id_of_another_transaction_is_no_acceptance(run: Run) -> None:
    """A provider may pass on what a server says, which may be another caller's answer."""
    running = run(settlement__wait_seconds=0, settlement__accept_mempool=True)
    body = Payer(running).body(confirmations=-1)
    submit = running.devnet.submit
    running.devnet.submit = lambda transaction: "ab" * 32  # type: ignore[method-assign]  # noqa: ARG005
    answer = running.settle(body)
    assert (answer["success"], answer["errorReason"]) == (False, PENDING)
    assert "whether a node has it is not known" in answer["errorMessage"]
    running.devnet.submit = submit  # type: ignore[method-assign]
    assert running.clock is not None
    running.clock.advance(10)
    assert running.settle_until(body, succeeded)["extra"]["status"] == "mempool"
