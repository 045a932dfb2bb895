"""A node's refusal is final only when nothing else can have had the transaction taken."""

from collections.abc import Callable
from functools import partial

import pytest

from facilitator.cardano.refusals import Proof
from facilitator.roles.chain_errors import SubmissionRejected
from facilitator.roles.claim import Claim, ClaimState, Delivery
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, genesis_utxos
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import TTL, VALID_SECONDS, claim_on, claim_over, state_of

FINAL = (Proof.BYTES, Proof.PARAMETERS)


@pytest.fixture
def claim(storage: MemoryStorage) -> Claim:
    return storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW + 5))


def refusing(
    devnet: Devnet, proves: Proof, meanwhile: Callable[[], object] = lambda: None
) -> list[bytes]:
    """Have the devnet refuse whatever is submitted, after something else has happened."""
    submitted = []

    def submit(transaction: bytes) -> str:
        submitted.append(transaction)
        meanwhile()
        raise SubmissionRejected("a reason", proves=proves)

    devnet.submit = submit  # type: ignore[method-assign]
    return submitted


@pytest.mark.parametrize("proves", Proof)
def test_only_a_proof_that_it_can_never_land_is_final_at_once(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, claim: Claim, proves: Proof
) -> None:
    refusing(devnet, proves)
    state = ClaimState.REJECTED if proves in FINAL else ClaimState.SUBMITTED
    pending = tracker.submit(claim)
    assert pending.claim.state is state
    assert state_of(storage, claim) is state
    assert pending.trouble is not None
    assert "a reason" in pending.trouble


def test_a_refusal_without_a_proof_is_not_final(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, claim: Claim
) -> None:
    """As a plugin raises it that says no more."""

    def submit(transaction: bytes) -> str:
        assert transaction
        raise SubmissionRejected("FeeTooSmallUTxO")

    devnet.submit = submit  # type: ignore[method-assign]
    tracker.submit(claim)
    assert state_of(storage, claim) is ClaimState.SUBMITTED


def test_what_proves_nothing_is_looked_for_and_sent_again(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock, claim: Claim
) -> None:
    """At growing pauses, until the end of its validity."""
    submitted = refusing(devnet, Proof.NOTHING)
    tracker.submit(claim)
    asked: list[str] = []
    transaction = devnet.transaction

    def ask(transaction_id: str) -> object:
        asked.append(transaction_id)
        return transaction(transaction_id)

    devnet.transaction = ask  # type: ignore[method-assign,assignment]
    tracker.start()

    def submitted_as_often_as(times: int) -> bool:
        return len(submitted) == times

    pauses = (5, 5, 10, 20, 40, 80)
    for times, pause in enumerate(pauses, 1):
        clock.advance(pause)
        eventually(partial(submitted_as_often_as, times + 1))
    assert len(asked) == len(pauses)
    assert state_of(storage, claim) is ClaimState.SUBMITTED
    clock.advance(VALID_SECONDS)
    devnet.produce_block()

    def is_expired() -> bool:
        clock.advance(10)
        devnet.produce_block()
        return state_of(storage, claim) is ClaimState.EXPIRED

    eventually(is_expired)


@pytest.mark.parametrize("proves", Proof)
def test_a_repeated_submission_ends_by_the_transaction_that_spent_its_input(
    tracker: Tracker,
    devnet: Devnet,
    storage: MemoryStorage,
    clock: ManualClock,
    claim: Claim,
    proves: Proof,
) -> None:
    """The refusal itself decides nothing then, whatever it says."""
    submit = devnet.submit
    submitted = refusing(devnet, Proof.NOTHING)
    tracker.submit(claim)
    submitted = refusing(devnet, proves)
    tracker.start()
    clock.advance(5)
    eventually(lambda: submitted)
    assert state_of(storage, claim) is ClaimState.SUBMITTED
    rival = claim_over(dict(list(genesis_utxos(ALICE).items())[:1]), claim.state, 0, 3_000_000)
    submit(rival.transaction)
    devnet.produce_block()
    devnet.produce_block()

    def is_rejected() -> bool:
        clock.advance(10)
        return state_of(storage, claim) is ClaimState.REJECTED

    eventually(is_rejected)
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert rival.transaction_id in str(stored.error)


def test_what_another_process_has_announced_to_send_is_not_rejected(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, claim: Claim
) -> None:
    """We stood still for longer than our lease, and it was sent without us."""
    taken = claim.changed(owner="another", lease_until=NOW + 60)
    refusing(devnet, Proof.BYTES, lambda: storage.change_claim(taken))
    tracker.submit(claim)
    assert storage.claim(claim.transaction_id) == taken


def test_a_refusal_as_the_validity_ends_is_not_final(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock, claim: Claim
) -> None:
    """A block that is not followed yet may hold it, sent by the payer for instance."""
    refusing(devnet, Proof.EXPIRED, lambda: clock.advance(VALID_SECONDS))
    tracker.submit(claim)
    assert state_of(storage, claim) is ClaimState.SUBMITTED


def test_a_refusal_when_the_followed_chain_is_past_the_validity_is_final(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock, claim: Claim
) -> None:
    def end() -> None:
        clock.advance(VALID_SECONDS + 1)
        devnet.produce_block()
        eventually(lambda: tracker.follow() == devnet.tip())

    refusing(devnet, Proof.EXPIRED, end)
    tracker.submit(claim)
    assert state_of(storage, claim) is ClaimState.REJECTED


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
    refusing(devnet, Proof.INPUTS)
    tracker.submit(claim)
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert stored.delivery is Delivery.UNKNOWN


@pytest.mark.parametrize("proves", [each for each in Proof if each is not Proof.INPUTS])
def test_a_refusal_that_is_wrong_is_no_reason_to_doubt(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, claim: Claim, proves: Proof
) -> None:
    """A node has what was just submitted. Only missing inputs show that one had it before."""
    refusing(devnet, proves, partial(devnet.submit, claim.transaction))
    tracker.submit(claim)
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: state_of(storage, claim) is ClaimState.SETTLED)
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert stored.delivery is Delivery.NONE


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
    def lease_seconds(self) -> float:
        return 1

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
