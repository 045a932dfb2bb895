"""What the tracker does of itself, without anybody asking."""

import pytest

from facilitator.roles.chain import InBlock, InMempool, NotFound
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import ClaimState, Delivery
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import claim_on, state_of


def test_what_an_earlier_process_left_is_taken_up_at_start(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    submitted = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW - 1))
    verifying = storage.add_claim(claim_on(1, ClaimState.CLAIMED, NOW - 1))
    tracker.start()
    eventually(lambda: isinstance(devnet.transaction(submitted.transaction_id), InMempool))
    eventually(lambda: storage.claim(verifying.transaction_id) is None)
    assert isinstance(devnet.transaction(verifying.transaction_id), NotFound)
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: state_of(storage, submitted) is ClaimState.SETTLED)


@pytest.mark.parametrize("claimed_at", [NOW + 0.7, NOW + 9])
def test_what_the_first_known_block_may_hold_is_asked_for(
    tracker: Tracker,
    devnet: Devnet,
    storage: MemoryStorage,
    clock: ManualClock,
    claimed_at: float,
) -> None:
    """The claim is younger than that block's slot: by parts of a slot, or by a clock ahead."""
    claim = claim_on(0, ClaimState.SUBMITTED, claimed_at + 1)
    storage.add_claim(claim.changed(accepted=True, created_at=claimed_at))
    devnet.submit(claim.transaction)
    devnet.produce_block()
    clock.advance(11)
    tracker.start()
    eventually(lambda: state_of(storage, claim) is ClaimState.INCLUDED)


def test_while_a_lease_lasts_its_owner_is_the_one_to_submit(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock
) -> None:
    """Claims are gone through in order, so the second's submission shows the first's turn over."""
    leased = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW + 60))
    free = storage.add_claim(claim_on(1, ClaimState.SUBMITTED, NOW - 1))
    tracker.track(leased)
    tracker.track(free)
    tracker.start()
    eventually(lambda: isinstance(devnet.transaction(free.transaction_id), InMempool))
    assert isinstance(devnet.transaction(leased.transaction_id), NotFound)
    clock.advance(60)
    eventually(lambda: isinstance(devnet.transaction(leased.transaction_id), InMempool))


def test_a_claim_that_others_verify_under_a_lease_is_left_alone(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    verifying = storage.add_claim(claim_on(0, ClaimState.CLAIMED, NOW + 60))
    free = storage.add_claim(claim_on(1, ClaimState.SUBMITTED, NOW - 1))
    tracker.start()
    eventually(lambda: isinstance(devnet.transaction(free.transaction_id), InMempool))
    assert storage.claim(verifying.transaction_id) == verifying


def test_what_another_process_has_rejected_is_not_sent_again(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    """It could land, after a rollback of what spent its inputs, though it was called rejected."""
    rejected = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW - 1))
    observation = tracker.track(rejected)
    kept = {"error": "outspent", "keep_until": NOW + 1000}
    assert storage.change_claim(rejected.changed(state=ClaimState.REJECTED, **kept))
    behind = storage.add_claim(claim_on(1, ClaimState.SUBMITTED, NOW - 1))
    tracker.track(behind)
    tracker.start()
    eventually(lambda: isinstance(devnet.transaction(behind.transaction_id), InMempool))
    assert isinstance(devnet.transaction(rejected.transaction_id), NotFound)
    assert observation.claim.state is ClaimState.REJECTED


def test_a_refusal_of_a_repeated_submission_decides_nothing(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, clock: ManualClock
) -> None:
    """Its inputs look spent, perhaps by its own first try; the end of its validity decides."""
    claim = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW - 1))
    refused = []
    submit = devnet.submit

    def refuse(transaction: bytes) -> str:
        refused.append(transaction)
        return submit(transaction[:-1] + b"\xf5")

    devnet.submit = refuse  # type: ignore[method-assign]
    tracker.start()
    eventually(lambda: len(refused) == 1)
    assert state_of(storage, claim) is ClaimState.SUBMITTED
    clock.advance(300 + 121)
    devnet.produce_block()

    def is_expired() -> bool:
        clock.advance(10)  # to the next question by id
        return state_of(storage, claim) is ClaimState.EXPIRED

    eventually(is_expired)


@pytest.mark.parametrize("lease_until", [NOW + 5, NOW, NOW - 3600, NOW + 3600])
def test_what_was_in_a_block_before_it_was_submitted_may_have_been_delivered(
    tracker: Tracker, storage: MemoryStorage, devnet: Devnet, lease_until: float
) -> None:
    """By a claim that is lost, whatever our clock has been set to since."""
    claim = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, lease_until))
    devnet.submit(claim.transaction)
    devnet.produce_block()
    tracker.submit(claim)
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert stored.block == devnet.tip().point.block
    assert stored.delivery is Delivery.UNKNOWN


def test_what_another_process_submitted_meanwhile_was_not_delivered(
    tracker: Tracker, storage: MemoryStorage, devnet: Devnet
) -> None:
    """It said so in the claim first, when the lease was over."""
    claim = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW))
    assert storage.change_claim(claim.changed(owner="another", lease_until=NOW + 5))
    devnet.submit(claim.transaction)
    devnet.produce_block()
    tracker.submit(claim)
    stored = storage.claim(claim.transaction_id)
    assert stored is not None
    assert stored.block == devnet.tip().point.block
    assert stored.delivery is Delivery.NONE


def test_what_was_settled_before_is_looked_for_by_its_id(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    """By a process that did not follow the chain; without an answer it stays as it is."""
    there, gone = (storage.add_claim(claim_on(n, ClaimState.SETTLED, NOW - 1)) for n in (0, 1))
    devnet.submit(there.transaction)
    devnet.produce_block()
    devnet.produce_block()
    devnet.faults.fail("transaction", times=2)
    for claim in (there, gone):
        with pytest.raises(ChainUnavailable):
            tracker.recheck_settled(claim)
        assert storage.claim(claim.transaction_id) == claim
    assert tracker.recheck_settled(there) == there
    where = devnet.transaction(there.transaction_id)
    assert isinstance(where, InBlock)
    deeper = there.changed(block=where.point.block, confirmations=2)
    assert tracker.recheck_settled(deeper) == deeper  # our view of the chain lags behind another's
    assert tracker.recheck_settled(gone).state is ClaimState.SUBMITTED
    assert state_of(storage, gone) is ClaimState.SUBMITTED
