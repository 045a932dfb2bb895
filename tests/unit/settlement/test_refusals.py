"""A node's refusal is final only when nothing else can have had the transaction taken."""

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.roles.chain import SubmissionRejected
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.running import NOW
from support.tracked import TTL, VALID_SECONDS, claim_on, state_of
from support.waiting import eventually

INTERVAL = "OutsideValidityIntervalUTxO"


@pytest.fixture
def claim(storage: MemoryStorage) -> Claim:
    return storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW + 5))


def refusing(devnet: Devnet, reason: str, meanwhile: Callable[[], object]) -> None:
    """Have the devnet refuse whatever is submitted, after something else has happened."""

    def submit(transaction: bytes) -> str:
        assert transaction
        meanwhile()
        raise SubmissionRejected(reason)

    devnet.submit = submit  # type: ignore[method-assign]


def test_a_refusal_of_what_nobody_else_has_is_final(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, claim: Claim
) -> None:
    refusing(devnet, "FeeTooSmallUTxO", lambda: None)
    assert tracker.submit(claim).claim.state is ClaimState.REJECTED
    assert state_of(storage, claim) is ClaimState.REJECTED


def test_what_another_process_has_announced_to_send_is_not_rejected(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, claim: Claim
) -> None:
    """We stood still for longer than our lease, and it was sent without us."""
    taken = claim.changed(owner="another", lease_until=NOW + 60)
    refusing(devnet, INTERVAL, lambda: storage.change_claim(taken))
    tracker.submit(claim)
    assert storage.claim(claim.transaction_id) == taken


def test_a_refusal_as_the_validity_ends_is_not_final(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock, claim: Claim
) -> None:
    """A block that the node has not seen may hold it, sent by the payer for instance."""
    refusing(devnet, INTERVAL, lambda: clock.advance(VALID_SECONDS))
    tracker.submit(claim)
    assert state_of(storage, claim) is ClaimState.SUBMITTED


def test_a_refusal_before_the_validity_begins_is_not_final(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock, claim: Claim
) -> None:
    """By our clock it has begun; the node's newest block is older."""
    made = decode_transaction(claim.transaction)
    starts = devnet.tip().point.slot + 5
    early = replace(made, body=replace(made.body, invalid_before=starts))
    clock.advance(10)
    refusing(devnet, INTERVAL, lambda: None)
    with patch("facilitator.settlement.tracking.submission.decode_transaction", return_value=early):
        tracker.submit(claim)
    assert state_of(storage, claim) is ClaimState.SUBMITTED


def test_one_process_at_a_time_sends_again(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock
) -> None:
    """And it says so first, so that the others leave it alone meanwhile."""
    claim = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW - 1))
    announced: list[Claim | None] = []

    def lose(transaction: bytes) -> str:
        assert transaction == claim.transaction
        announced.append(storage.claim(claim.transaction_id))
        return claim.transaction_id

    devnet.submit = lose  # type: ignore[method-assign]
    tracker.start()
    eventually(lambda: announced)
    assert announced[0] is not None
    assert announced[0].owner != claim.owner
    assert announced[0].lease_until > clock.time()


def test_what_a_mempool_had_before_may_have_been_told(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    """By a claim that is lost, where acceptance is all that was promised."""
    claim = claim_on(0, ClaimState.SUBMITTED, NOW + 5)
    claim = storage.add_claim(claim.changed(confirmations=-1))
    devnet.submit(claim.transaction)
    refusing(devnet, "ConwayMempoolFailure", lambda: None)
    tracker.submit(claim)
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert stored.delivery is Delivery.UNKNOWN


class TestClocks:
    """A clock of ours that is wrong, over a network whose time is right."""

    @pytest.fixture
    def chain_clock(self) -> ManualClock:
        return ManualClock(NOW)

    def test_nothing_expires_before_the_chain_has_come_so_far(
        self,
        tracker: Tracker,
        devnet: Devnet,
        storage: MemoryStorage,
        clock: ManualClock,
        chain_clock: ManualClock,
    ) -> None:
        claim = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW - 1))
        devnet.faults.lose_submissions(100)
        asked: list[str] = []
        transaction = devnet.transaction

        def ask(transaction_id: str) -> object:
            asked.append(transaction_id)
            return transaction(transaction_id)

        devnet.transaction = ask  # type: ignore[method-assign,assignment]
        chain_clock.advance(VALID_SECONDS + 1)
        devnet.produce_block()
        clock.advance(3600)
        assert devnet.tip().point.slot > TTL
        tracker.start()

        def asked_again() -> bool:
            clock.advance(10)
            return len(asked) > 2

        eventually(asked_again)
        assert state_of(storage, claim) is ClaimState.SUBMITTED
        chain_clock.advance(120)
        devnet.produce_block()

        def is_expired() -> bool:
            clock.advance(10)
            return state_of(storage, claim) is ClaimState.EXPIRED

        eventually(is_expired)


class BackClock(ManualClock):
    def put_back(self, seconds: float) -> None:
        self._now -= seconds


class TestAClockThatIsPutBack:
    """What this process meant to do in some seconds is not put off for as long."""

    @pytest.fixture
    def clock(self) -> BackClock:
        return BackClock(NOW + 3600)

    @pytest.fixture
    def chain_clock(self) -> ManualClock:
        return ManualClock(NOW)

    def test_what_others_left_is_taken_up(
        self, tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: BackClock
    ) -> None:
        probe = storage.add_claim(claim_on(1, ClaimState.CLAIMED, NOW - 1))
        tracker.start()
        eventually(lambda: storage.claim(probe.transaction_id) is None)  # it has looked once
        clock.put_back(3600)
        left = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW - 1))
        devnet.produce_block()
        eventually(lambda: storage.claim(left.transaction_id) != left)
