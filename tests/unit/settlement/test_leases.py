"""Leases on claims that another clock has written: what stands still for its length is over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from facilitator.roles.chain import InMempool, NotFound
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import HoldsWithClaim
from facilitator.settlement import transitions
from facilitator.settlement.tracking.claim_leases import ClaimLeases
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NOW, Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import claim_on, state_of

pytestmark = pytest.mark.once

Run = Callable[..., Running]
HOUR = 3600.0
AHEAD = [20.0, HOUR, 10 * 24 * HOUR]


@pytest.fixture
def lease_seconds() -> float:
    """Short enough to wait for."""
    return 0.5


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_a_process_ahead_of_time_left_unverified_is_removed(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, ahead: float
) -> None:
    """And what it held is free for others, though that was to last for long as well."""
    claim = storage.add_claim(claim_on(0, ClaimState.CLAIMED, NOW + ahead))
    held = example_reservation(claim.transaction_id, expires_at=NOW + ahead + 720)
    assert storage.reserve(held, NOW, 10) is None
    tracker.start()
    eventually(lambda: storage.claim(claim.transaction_id) is None)
    eventually(lambda: not storage.is_reserved(claim.transaction_id, NOW))
    assert isinstance(devnet.transaction(claim.transaction_id), NotFound)


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_a_process_ahead_of_time_left_submitted_is_sent_again(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, ahead: float
) -> None:
    claim = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW + ahead))
    tracker.start()
    eventually(lambda: isinstance(devnet.transaction(claim.transaction_id), InMempool))
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: state_of(storage, claim) is ClaimState.SETTLED)


def test_a_process_ahead_of_time_that_lives_is_left_alone(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage
) -> None:
    """It renews its lease; another one that does not shows that the time has come."""
    renewed = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW + HOUR))
    stale = storage.add_claim(claim_on(1, ClaimState.SUBMITTED, NOW + HOUR))
    tracker.start()

    def stale_is_sent() -> bool:
        stored = storage.claim(renewed.transaction_id)
        assert stored is not None
        storage.change_claim(stored.changed())
        return isinstance(devnet.transaction(stale.transaction_id), InMempool)

    eventually(stale_is_sent)
    assert isinstance(devnet.transaction(renewed.transaction_id), NotFound)
    eventually(lambda: isinstance(devnet.transaction(renewed.transaction_id), InMempool))


def test_a_call_that_claims_it_again_meanwhile_keeps_what_it_holds(
    tracker: Tracker, storage: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stale claim is taken over before anything is released."""
    claim = storage.add_claim(claim_on(0, ClaimState.CLAIMED, NOW - 1))
    stale = example_reservation(claim.transaction_id, expires_at=NOW + 720)
    assert storage.reserve(stale, NOW, 10) is None
    seen: list[Any] = []
    release = storage.release

    def observe(transaction_id: str) -> None:
        seen.append(storage.claim(transaction_id))
        release(transaction_id)

    monkeypatch.setattr(storage, "release", observe)
    tracker.start()
    eventually(lambda: storage.claim(claim.transaction_id) is None)
    (owned,) = seen
    assert owned.owner != claim.owner
    assert owned.lease_until > NOW


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_caller_takes_over_what_a_process_ahead_of_time_left(run: Run, ahead: float) -> None:
    running = run(settlement__lease_seconds=1, settlement__wait_seconds=30)
    body = Payer(running).body()
    claim = example_claim(transaction_id=transaction_id(body), lease_until=NOW + ahead, amount="1")
    running.facilitator.storage.add_claim(claim)
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(running.settle, body, Prefer="wait=60")
        eventually(lambda: isinstance(running.devnet.transaction(transaction_id(body)), InMempool))
        running.next_block()
        running.next_block()
        assert answer.result()["success"] is True


def test_one_that_loses_its_claim_to_a_clock_ahead_settles_once(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is gone while its owner still verifies: it claims the payment once more."""
    running = run(settlement__wait_seconds=0)
    body = Payer(running).body()
    storage = running.facilitator.storage
    assert isinstance(storage, HoldsWithClaim)
    announce = storage.change_claim_and_hold
    lost: list[Any] = []

    def lose_claim(*arguments: Any) -> Any:
        claim = storage.claim(transaction_id(body))
        if not lost and claim is not None:
            lost.append(claim)
            assert storage.remove_claim(claim)
        return announce(*arguments)

    monkeypatch.setattr(storage, "change_claim_and_hold", lose_claim)
    submitted: list[bytes] = []
    submit = running.devnet.submit

    def record(transaction: bytes) -> str:
        submitted.append(transaction)
        return submit(transaction)

    monkeypatch.setattr(running.devnet, "submit", record)
    assert running.settle(body)["errorReason"] == "settlement_pending"
    assert len(lost) == len(submitted) == 1
    assert storage.is_reserved(transaction_id(body), NOW)
    running.next_block()
    running.next_block()
    running.settle_until(body, lambda answer: answer["success"])


def test_a_lease_is_cut_to_its_length() -> None:
    """By the clock at once, and by what was seen of it in time."""
    clock = ManualClock(NOW)
    leases = ClaimLeases(clock, 60)
    assert leases.seconds_left(example_claim(lease_until=NOW + 20)) == 20
    assert leases.seconds_left(example_claim(lease_until=NOW + HOUR)) == 60
    assert leases.seconds_left(example_claim(lease_until=NOW - HOUR)) == 0
    assert leases.is_over(example_claim(lease_until=NOW - HOUR))
    assert not leases.is_over(example_claim(lease_until=NOW + HOUR))
    assert not leases.is_over(example_claim(lease_until=NOW + 60))
    clock.advance(60)
    assert leases.is_over(example_claim(lease_until=NOW + 60))


@pytest.mark.parametrize("is_taken_over", [False, True])
def test_one_that_gives_up_releases_only_what_is_its_own(
    run: Run, monkeypatch: pytest.MonkeyPatch, is_taken_over: bool
) -> None:
    """The chain cannot be followed; its lease may be over by then, by another's clock."""
    running = run(settlement__wait_seconds=0)
    body = Payer(running).body()
    storage = running.facilitator.storage

    def fail(_: Tracker) -> None:
        claim = storage.claim(transaction_id(body))
        assert claim is not None
        if is_taken_over:
            rival = claim.changed(owner="another")
            step = transitions.take_over(rival, lambda _: True)
            assert transitions.advance(storage, claim, step).by_us
        raise ChainUnavailable("the node is away")

    monkeypatch.setattr(Tracker, "follow", fail)
    answer = running.settle(body, **{"Idempotency-Key": "order-1001"})
    assert answer["errorReason"] == "exact_cardano_facilitator_chain_lookup_failed"
    assert storage.is_reserved(transaction_id(body), NOW) is is_taken_over
    assert (storage.claim(transaction_id(body)) is not None) is is_taken_over
