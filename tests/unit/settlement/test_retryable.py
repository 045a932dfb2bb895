"""What may still settle is ``settlement_pending``: SDKs take every other answer as the end."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.roles.chain import NotFound
from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import HoldsWithClaim, StorageUnavailable
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually

PENDING = "settlement_pending"
LOOKUP_FAILED = "exact_cardano_facilitator_chain_lookup_failed"
UNAVAILABLE = "exact_cardano_facilitator_evidence_unavailable"
METHODS = ["claim", "add_claim", "change_claim", "change_claim_and_hold", "reserve", "bind_key"]

Patch = pytest.MonkeyPatch


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


@pytest.fixture
def body(running: Running) -> dict[str, Any]:
    return Payer(running).body()


def fail(*_: Any, **__: Any) -> Any:
    raise StorageUnavailable("the disk is full")


def take_away(running: Running, patch: Patch, methods: list[str] = METHODS) -> None:
    for method in methods:
        patch.setattr(running.facilitator.storage, method, fail)


def is_pending(answer: dict[str, Any], body: dict[str, Any]) -> bool:
    """As the SDKs take it: they repeat the call, since it names a transaction."""
    assert answer["errorReason"] == PENDING
    assert answer["transaction"] == answer["extra"]["transactionId"] == transaction_id(body)
    assert answer["extra"]["status"] == "pending"
    return True


def settles(running: Running, body: dict[str, Any]) -> bool:
    running.next_block()
    running.next_block()
    return bool(running.settle_until(body, lambda answer: answer["success"]))


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "order-1001"}])
def test_a_pending_payment_stays_pending_without_the_storage(
    running: Running, body: dict[str, Any], headers: dict[str, str]
) -> None:
    assert is_pending(running.settle(body, **headers), body)
    with Patch.context() as patch:
        take_away(running, patch)
        assert is_pending(running.settle(body, **headers), body)
    running.next_block()
    running.next_block()
    assert running.settle_until(body, lambda answer: answer["success"], **headers)


@pytest.mark.parametrize("is_written", [True, False])
def test_an_announcement_that_may_be_written_is_pending(
    running: Running, body: dict[str, Any], is_written: bool
) -> None:
    """Then a process of this facilitator sends the transaction later."""
    storage = running.facilitator.storage
    assert isinstance(storage, HoldsWithClaim)
    announce = storage.change_claim_and_hold

    def write_and_fail(*arguments: Any) -> bool:
        if is_written:
            announce(*arguments)
        raise StorageUnavailable("the answer is lost")

    with Patch.context() as patch:
        patch.setattr(storage, "change_claim_and_hold", write_and_fail)
        assert is_pending(running.settle(body), body)


def test_a_storage_that_fails_after_the_submission_leaves_it_pending(
    running: Running, body: dict[str, Any]
) -> None:
    submit = running.devnet.submit
    with Patch.context() as patch:

        def submit_and_lose_the_storage(transaction: bytes) -> str:
            take_away(running, patch)
            return submit(transaction)

        patch.setattr(running.devnet, "submit", submit_and_lose_the_storage)
        assert is_pending(running.settle(body), body)
    assert settles(running, body)


def test_a_settled_payment_is_pending_while_its_success_cannot_be_written(
    running: Running, body: dict[str, Any]
) -> None:
    running.settle(body)
    running.next_block()
    running.next_block()
    storage = running.facilitator.storage

    def is_settled() -> bool:
        claim = storage.claim(transaction_id(body))
        return claim is not None and claim.state is ClaimState.SETTLED

    eventually(is_settled)
    running.facilitator.service.drain()  # no caller waits for the storage
    with Patch.context() as patch:
        take_away(running, patch, ["change_claim"])
        assert is_pending(running.settle(body), body)
    assert running.settle_until(body, lambda answer: answer["success"])


def test_nothing_known_without_the_storage_is_503(running: Running, body: dict[str, Any]) -> None:
    """Nothing was submitted: the payer may pay another way."""
    with Patch.context() as patch:
        take_away(running, patch)
        status, answer = running.call("POST", "/settle", body)
        assert (status, answer["errorReason"]) == (503, UNAVAILABLE)
    assert isinstance(running.devnet.transaction(transaction_id(body)), NotFound)
    assert is_pending(running.settle(body), body)


def test_a_claim_that_is_lost_is_pending_while_the_chain_is_away(
    running: Running, body: dict[str, Any]
) -> None:
    running.settle(body)
    storage = running.facilitator.storage
    claim = storage.claim(transaction_id(body))
    assert claim is not None
    assert storage.remove_claim(claim)
    running.devnet.faults.fail("tip", times=1)
    assert is_pending(running.settle(body), body)
    assert is_pending(running.settle(body), body)
    assert settles(running, body)


def test_a_payment_that_may_have_landed_is_pending(running: Running, body: dict[str, Any]) -> None:
    """Its record is lost, and the chain cannot be asked where it is. At ``/verify``: no verdict."""
    running.settle(body)
    running.next_block()
    running.next_block()
    storage = running.facilitator.storage
    claim = storage.claim(transaction_id(body))
    assert claim is not None
    assert storage.remove_claim(claim)
    storage.release(claim.transaction_id)
    trackers = running.facilitator.service._trackers
    trackers["cardano:preprod"]._pending.remove(claim.transaction_id)
    running.devnet.faults.fail("transaction", times=2)
    assert running.verify(body)["invalidReason"] == LOOKUP_FAILED
    assert is_pending(running.settle(body), body)
    refused = running.settle_until(body, lambda answer: answer["errorReason"] != PENDING)
    assert refused["errorReason"] == "duplicate_settlement"


def test_a_payment_that_was_not_submitted_is_not_pending(
    running: Running, body: dict[str, Any]
) -> None:
    """The chain cannot be asked: its client may sign again, and pays once all the same."""
    running.devnet.faults.fail("outputs", times=1)
    answer = running.settle(body)
    assert answer["errorReason"] == LOOKUP_FAILED
    assert isinstance(running.devnet.transaction(transaction_id(body)), NotFound)
    assert running.facilitator.storage.claim(transaction_id(body)) is None
