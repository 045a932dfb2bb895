"""What is found though no node took it from here was sent by another facilitator.

It may have delivered the success already, so that none is delivered here.
"""

import threading
from collections.abc import Callable

import pytest

from facilitator.cardano.refusals import Proof
from facilitator.roles.chain import InBlock, InMempool, NotFound, Point, TransactionStatus
from facilitator.roles.chain_errors import ChainUnavailable, SubmissionRejected, SubmissionUnknown
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.settlement import transitions
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NOW
from facilitator.testing.waiting import DEADLINE_SECONDS, eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import claim_on, state_of

NOT_SENT = ChainUnavailable("the mempool is full")
KNOWN = SubmissionRejected("all inputs are spent", proves=Proof.INPUTS)
UNKNOWN = SubmissionUnknown("the connection broke")
HOUR = NOW + 3600


class Node:
    """The devnet as this facilitator reaches it: what it answers is set, then it takes all."""

    def __init__(self, devnet: Devnet) -> None:
        self.take = devnet.submit
        """As another facilitator reaches it."""
        self.answers: list[Exception] = []
        self.sent = 0
        self.meanwhile: Callable[[], object] = lambda: None
        devnet.submit = self._submit  # type: ignore[method-assign]

    def _submit(self, transaction: bytes) -> str:
        self.sent += 1
        answer = self.answers.pop(0) if self.answers else None
        self.meanwhile()
        if answer is not None:
            raise answer
        return self.take(transaction)


@pytest.fixture
def node(devnet: Devnet) -> Node:
    return Node(devnet)


@pytest.fixture
def claim(storage: MemoryStorage) -> Claim:
    return storage.add_claim(claim_on(0, ClaimState.SUBMITTED, HOUR))


@pytest.fixture
def delivery(devnet: Devnet, storage: MemoryStorage, claim: Claim) -> Callable[[], Delivery]:
    """The delivery once it is settled."""

    def settled() -> Delivery:
        devnet.produce_block()
        devnet.produce_block()
        eventually(lambda: state_of(storage, claim) is ClaimState.SETTLED)
        stored = storage.claim(claim.transaction_id)
        assert stored is not None
        return stored.delivery

    return settled


def test_what_another_sent_and_only_a_block_shows(
    tracker: Tracker,
    devnet: Devnet,
    node: Node,
    claim: Claim,
    delivery: Callable[[], Delivery],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node.answers = [NOT_SENT]
    node.take(claim.transaction)
    monkeypatch.setattr(devnet, "transaction", lambda _: NotFound())
    tracker.submit(claim)
    assert delivery() is Delivery.UNKNOWN


def test_what_moves_into_a_block_while_it_is_looked_for(
    tracker: Tracker,
    devnet: Devnet,
    node: Node,
    claim: Claim,
    delivery: Callable[[], Delivery],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another sent it, as the node says."""
    node.answers = [KNOWN]
    node.take(claim.transaction)
    status_of = devnet.transaction

    def miss(transaction_id: str) -> TransactionStatus:
        monkeypatch.setattr(devnet, "transaction", status_of)
        assert isinstance(status_of(transaction_id), InMempool)
        devnet.produce_block()
        return NotFound()

    monkeypatch.setattr(devnet, "transaction", miss)
    tracker.submit(claim)
    assert delivery() is Delivery.UNKNOWN


def test_what_another_sent_and_a_mempool_shows(
    tracker: Tracker,
    node: Node,
    storage: MemoryStorage,
    clock: ManualClock,
    claim: Claim,
    delivery: Callable[[], Delivery],
) -> None:
    """Another process of this facilitator asks for it: what is known is in the storage."""
    node.answers = [NOT_SENT]
    tracker.submit(claim)
    node.take(claim.transaction)
    tracker.start()
    clock.advance(6)
    eventually(lambda: accepted(storage, claim))
    assert node.sent == 1
    assert delivery() is Delivery.UNKNOWN


@pytest.mark.parametrize("answers", [[], [UNKNOWN]], ids=["taken", "perhaps taken"])
def test_what_was_sent_again_is_no_reason_to_doubt(
    tracker: Tracker,
    node: Node,
    clock: ManualClock,
    claim: Claim,
    answers: list[Exception],
    delivery: Callable[[], Delivery],
) -> None:
    node.answers = [NOT_SENT, *answers]
    tracker.submit(claim)
    tracker.start()
    clock.advance(6)
    eventually(lambda: node.sent == 2)
    if answers:
        node.take(claim.transaction)
    assert delivery() is Delivery.NONE


def test_what_was_sent_again_in_vain(
    tracker: Tracker,
    node: Node,
    storage: MemoryStorage,
    clock: ManualClock,
    claim: Claim,
    delivery: Callable[[], Delivery],
) -> None:
    node.answers = [NOT_SENT, NOT_SENT]
    tracker.submit(claim)
    tracker.start()
    clock.advance(6)
    eventually(lambda: node.sent == 2 and error_of(storage, claim))
    node.take(claim.transaction)
    assert delivery() is Delivery.UNKNOWN


def test_what_another_sent_before_this_could_be_sent_at_all(
    tracker: Tracker,
    node: Node,
    storage: MemoryStorage,
    clock: ManualClock,
    claim: Claim,
    delivery: Callable[[], Delivery],
) -> None:
    """It is nowhere when it is looked for, and a node knows it just after."""
    node.answers = [NOT_SENT, KNOWN]
    node.meanwhile = lambda: node.sent == 2 and node.take(claim.transaction)
    tracker.submit(claim)
    tracker.start()
    clock.advance(6)
    eventually(lambda: accepted(storage, claim))
    assert node.sent == 2
    assert delivery() is Delivery.UNKNOWN


@pytest.mark.parametrize("first", [UNKNOWN, KNOWN], ids=["unknown", "known"])
def test_what_may_have_been_taken_once_is_no_reason_to_doubt(
    tracker: Tracker,
    node: Node,
    clock: ManualClock,
    claim: Claim,
    first: Exception,
    delivery: Callable[[], Delivery],
) -> None:
    """Whatever becomes of a later try."""
    node.answers = [first, NOT_SENT]
    tracker.submit(claim)
    tracker.start()
    clock.advance(6)
    eventually(lambda: node.sent == 2)
    node.take(claim.transaction)
    assert delivery() is Delivery.NONE


def test_what_another_process_was_about_to_send_is_no_reason_to_doubt(
    tracker: Tracker,
    node: Node,
    storage: MemoryStorage,
    clock: ManualClock,
    claim: Claim,
    delivery: Callable[[], Delivery],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lease seems to be over, by a clock that is ahead."""
    refused = claim.changed(error="the mempool is full", lease_until=NOW - 1)
    assert storage.change_claim(refused)
    read, is_announced = storage.claim, threading.Event()

    def announce_after_it_was_read(transaction_id: str) -> Claim | None:
        found = read(transaction_id)
        if found == refused:
            monkeypatch.setattr(storage, "claim", read)
            announced = transitions.resubmit(
                refused, claim.owner, "another", NOW, NOW - 1, lambda _: True
            )(refused)
            assert announced is not None
            assert storage.change_claim(announced)
            node.take(claim.transaction)
            is_announced.set()
        return found

    node.answers = [KNOWN]
    tracker.track(refused)
    monkeypatch.setattr(storage, "claim", announce_after_it_was_read)
    tracker.start()
    assert is_announced.wait(DEADLINE_SECONDS)
    clock.advance(6)
    eventually(lambda: accepted(storage, claim))
    assert delivery() is Delivery.NONE


def test_what_is_sent_again_before_the_first_try_returns(
    tracker: Tracker,
    node: Node,
    storage: MemoryStorage,
    clock: ManualClock,
    claim: Claim,
    lease_seconds: float,
    delivery: Callable[[], Delivery],
) -> None:
    """By this process itself, for which the first try took too long."""
    node.answers = [KNOWN]

    def wait_for_another_try() -> None:
        if node.sent == 1:
            clock.advance(lease_seconds + 1)
            tracker.start()
            eventually(lambda: accepted(storage, claim))

    node.meanwhile = wait_for_another_try
    tracker.submit(claim)
    assert node.sent == 2
    assert delivery() is Delivery.NONE


@pytest.mark.parametrize("confirmations", [0, 5])
def test_a_block_that_was_faster_than_the_refusal(confirmations: int) -> None:
    claim = claim_on(0, ClaimState.SUBMITTED, HOUR).changed(confirmations=confirmations)
    where = InBlock(Point(10, "b1" * 32), 7)
    shown = transitions.include(where, 7, NOW)(claim)
    assert shown is not None
    doubted = transitions.not_taken(claim.owner, "refused", NOW)(shown)
    assert doubted is not None
    assert doubted.delivery is Delivery.UNKNOWN
    assert transitions.not_taken("another", "refused", NOW)(shown) is None


def accepted(storage: MemoryStorage, claim: Claim) -> bool:
    stored = storage.claim(claim.transaction_id)
    return stored is not None and stored.accepted


def error_of(storage: MemoryStorage, claim: Claim) -> str | None:
    stored = storage.claim(claim.transaction_id)
    return stored.error if stored else None
