"""A provider that answers from a fork which the followed chain has left."""

import pytest

from facilitator.roles.chain import InBlock, InMempool, Point, TransactionStatus
from facilitator.roles.chain_errors import ChainUnavailable, SubmissionRejected
from facilitator.roles.claim import Claim, ClaimState
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import change_of, claim_on, claim_over, state_of


class Replica:
    """Answers for the devnet where a transaction is, from a fork of its own, and counts."""

    def __init__(self, devnet: Devnet, answer: TransactionStatus) -> None:
        self._devnet = devnet
        self._answer = answer
        self._own = devnet.transaction
        self.asked = 0
        devnet.transaction = self._transaction  # type: ignore[method-assign]

    def _transaction(self, transaction_id: str) -> TransactionStatus:
        self.asked += bool(transaction_id)
        return self._answer

    def catch_up(self) -> None:
        self._devnet.transaction = self._own  # type: ignore[method-assign]


@pytest.fixture
def claim(storage: MemoryStorage) -> Claim:
    return storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW - 1))


def is_asked_again(replica: Replica, clock: ManualClock) -> None:
    """Let the time come for the next question by id, and wait for it."""
    before = replica.asked
    clock.advance(40)
    eventually(lambda: replica.asked > before)


def test_a_block_that_was_rolled_back_settles_nothing(
    tracker: Tracker,
    devnet: Devnet,
    storage: MemoryStorage,
    claim: Claim,
    clock: ManualClock,
) -> None:
    tracker.start()
    eventually(lambda: isinstance(devnet.transaction(claim.transaction_id), InMempool))
    devnet.produce_block()
    eventually(lambda: state_of(storage, claim) is ClaimState.INCLUDED)
    replica = Replica(devnet, devnet.transaction(claim.transaction_id))
    devnet.rollback(1, drop=True)
    for _ in range(2):
        devnet.produce_block()
        eventually(lambda: tracker.follow() == devnet.tip())
        is_asked_again(replica, clock)
    assert state_of(storage, claim) is ClaimState.SUBMITTED
    replica.catch_up()
    clock.advance(80)
    eventually(lambda: isinstance(devnet.transaction(claim.transaction_id), InMempool))
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: state_of(storage, claim) is ClaimState.SETTLED)


def test_a_block_that_the_followed_chain_never_gets_settles_nothing(
    tracker: Tracker,
    devnet: Devnet,
    storage: MemoryStorage,
    claim: Claim,
    clock: ManualClock,
) -> None:
    """The replica is a block ahead, on a fork that loses."""
    devnet.faults.lose_submissions(100)
    tip = devnet.tip()
    replica = Replica(devnet, InBlock(Point(tip.point.slot + 1, "ff" * 32), tip.height + 1))
    tracker.start()
    eventually(lambda: state_of(storage, claim) is ClaimState.INCLUDED)
    for _ in range(2):
        devnet.produce_block()
        eventually(lambda: tracker.follow() == devnet.tip())
        is_asked_again(replica, clock)
    assert state_of(storage, claim) is ClaimState.SUBMITTED


def test_what_was_settled_in_a_block_that_is_gone_is_not_told(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    tracker.follow()
    claim = claim_on(0, ClaimState.SETTLED, NOW - 1)
    devnet.submit(claim.transaction)
    devnet.produce_block()
    where = devnet.transaction(claim.transaction_id)
    assert isinstance(where, InBlock)
    claim = storage.add_claim(claim.changed(block=where.point.block))
    devnet.produce_block()
    devnet.rollback(2, drop=True)
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: tracker.follow() == devnet.tip())
    Replica(devnet, where)
    with pytest.raises(ChainUnavailable):
        tracker.recheck_settled(claim)
    assert storage.claim(claim.transaction_id) == claim


def test_chained_payments_that_a_rollback_dropped_land_in_either_order(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock
) -> None:
    """The later one cannot be submitted before the earlier one: that does not refuse it."""
    earlier = claim_on(0, ClaimState.SUBMITTED, NOW - 1)
    later = claim_over(change_of(earlier), ClaimState.SUBMITTED, NOW - 1)
    claims = [storage.add_claim(each) for each in (later, earlier)]
    refused: list[SubmissionRejected] = []
    submit = devnet.submit

    def submit_noting_refusals(transaction: bytes) -> str:
        try:
            return submit(transaction)
        except SubmissionRejected as error:
            refused.append(error)
            raise

    devnet.submit = submit_noting_refusals  # type: ignore[method-assign]
    for each in claims:
        tracker.track(each)
    tracker.start()

    def lands(claim: Claim) -> None:
        eventually(lambda: isinstance(devnet.transaction(claim.transaction_id), InMempool))
        devnet.produce_block()

    lands(earlier)
    assert refused
    clock.advance(10)  # to the next question by id
    lands(later)
    devnet.produce_block()
    eventually(lambda: state_of(storage, earlier) is ClaimState.SETTLED)
    eventually(lambda: state_of(storage, later) is ClaimState.SETTLED)
