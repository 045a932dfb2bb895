"""One success is told: through a storage that loses replies, to callers that hang up and race."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.roles.claim import Claim
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.payments import Payer
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import SettleResponse, parse_payment_request

PENDING = "settlement_pending"
DUPLICATE = "duplicate_settlement"

Body = dict[str, Any]


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


@pytest.fixture
def body(running: Running) -> Body:
    """A payment that is settled, of which nobody was told."""
    body = Payer(running).body()
    transaction = running.settle(body)["transaction"]
    running.next_block()
    running.next_block()
    status = f"/status/{transaction}"
    eventually(lambda: running.call("GET", status)[1]["status"] == "confirmed")
    return body


def settle(
    running: Running, body: Body, gone: Callable[[], bool], key: str | None = None
) -> SettleResponse:
    """As by a caller of whom ``gone`` says whether it has hung up."""
    return running.facilitator.service.settle(
        parse_payment_request(body), wait_seconds=0, idempotency_key=key, client_disconnected=gone
    )


def after(questions: int, then: Callable[[], bool]) -> Callable[[], bool]:
    """Is there until it was asked so often, then as ``then`` says."""
    asked = []

    def gone() -> bool:
        asked.append(1)
        return len(asked) > questions and then()

    return gone


@pytest.mark.parametrize("fails", [1, 3])
def test_a_storage_that_loses_replies(running: Running, body: Body, fails: int) -> None:
    """It has noted that the success was told, and the caller is told, not refused."""
    storage: Any = running.facilitator.storage
    lost: list[Claim] = []
    change = storage.change_claim

    def lose_the_reply(claim: Claim) -> bool:
        written = bool(change(claim))
        if len(lost) < fails:
            lost.append(claim)
            raise StorageUnavailable("no reply")
        return written

    storage.change_claim = lose_the_reply
    assert running.settle(body)["success"] is True
    assert lost
    assert running.settle(body)["errorReason"] == DUPLICATE


def test_what_is_told_to_who_has_hung_up_is_told_to_the_next(running: Running, body: Body) -> None:
    answer = settle(running, body, after(1, lambda: True))
    assert answer.reason == PENDING
    assert running.settle(body)["success"] is True
    assert running.settle(body)["errorReason"] == DUPLICATE


def test_what_another_caller_was_told_is_not_taken_back(running: Running, body: Body) -> None:
    """The reply to the taking back is lost, another is told, and then it is tried again."""
    storage: Any = running.facilitator.storage
    change = storage.change_claim
    others: list[Body] = []

    def lose_the_reply(claim: Claim) -> bool:
        written = bool(change(claim))
        if claim.answer is None and not others:
            others.append(running.settle(body))
            raise StorageUnavailable("no reply")
        return written

    storage.change_claim = lose_the_reply
    assert settle(running, body, after(1, lambda: True)).reason == PENDING
    assert [other["success"] for other in others] == [True]
    stored = storage.claim(others[0]["transaction"])
    assert stored.answer is not None
    assert running.settle(body)["errorReason"] == DUPLICATE


def test_what_is_told_to_a_key_stays_the_keys(running: Running, body: Body) -> None:
    """Another call with the key may have had the answer already."""
    settle(running, body, after(1, lambda: True), key="a")
    assert running.settle(body)["errorReason"] == DUPLICATE
    again = running.settle(body, **{"Idempotency-Key": "a"})
    assert again["success"] is True
    assert again == running.settle(body, **{"Idempotency-Key": "a"})


def test_what_was_told_is_told_again_only_if_it_lasts(running: Running, body: Body) -> None:
    """The try that wrote it failed: it may be where it is lost, on a primary that was cut off."""
    storage: Any = running.facilitator.storage
    key = {"Idempotency-Key": "a"}
    change, writes = storage.change_claim, []

    def write_and_fail(claim: Claim) -> bool:
        writes.append(change(claim))
        raise StorageUnavailable("no replica has it")

    storage.change_claim = write_and_fail
    running.facilitator.service.drain()  # nobody waits for the storage
    for _ in range(2):
        assert running.settle(body, **key)["errorReason"] == PENDING
    assert writes == [True, True]
    storage.change_claim = change
    assert running.settle(body, **key)["success"] is True


def test_two_calls_with_a_key_at_once_have_the_same_answer(running: Running, body: Body) -> None:
    other: list[Body] = []

    def is_overtaken() -> bool:
        other.append(running.settle(body, **{"Idempotency-Key": "a"}))
        return False

    answer = settle(running, body, after(0, is_overtaken), key="a")
    assert answer.success
    assert other == [answer.to_json()]
