"""What a process left open when it was killed: blocks show what became of it, few are asked for."""

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from facilitator.chain.follower import Follower
from facilitator.roles.chain import InMempool
from facilitator.roles.claim import Claim, ClaimState
from facilitator.settlement.tracking.pending_settlement import PendingSettlement
from facilitator.settlement.tracking.questions import ASKED_A_SECOND, Questions
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.examples import example_claim
from facilitator.testing.payments import ALICE
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import VALID_SECONDS, claim_over, state_of

CLAIMS = 9
"""More than may be asked for at once."""


@pytest.fixture
def asked(devnet: Devnet) -> list[str]:
    """The ids that the chain is asked for, in order."""
    ids: list[str] = []
    ask = devnet.transaction

    def record(transaction_id: str) -> Any:
        ids.append(transaction_id)
        return ask(transaction_id)

    devnet.transaction = record  # type: ignore[method-assign]
    return ids


@pytest.fixture
def claims(devnet: Devnet) -> list[Claim]:
    """Claims that are to be left by a killed process, each over an output of its own."""
    made = []
    for _ in range(CLAIMS):
        ref = devnet.fund(ALICE.address, 100_000_000)
        with devnet.chain() as chain:
            output = chain.index.output(ref)
        assert output is not None
        made.append(claim_over({ref: output}, ClaimState.SUBMITTED, NOW - 1))
    return made


def all_settled(storage: MemoryStorage, claims: list[Claim]) -> bool:
    return all(state_of(storage, claim) is ClaimState.SETTLED for claim in claims)


@pytest.mark.parametrize("age", [0, 100, VALID_SECONDS - 30])
def test_blocks_confirm_what_was_accepted_since_they_are_followed(
    tracker: Tracker,
    devnet: Devnet,
    storage: MemoryStorage,
    clock: ManualClock,
    claims: list[Claim],
    asked: list[str],
    age: int,
) -> None:
    """However long ago that was, unless the first of them may hold it already."""
    clock.advance(20)
    for claim in claims:
        now = clock.time()
        storage.add_claim(replace(claim, accepted=True, created_at=now, updated_at=now))
        devnet.submit(claim.transaction)
    clock.advance(age)
    tracker.start()
    eventually(lambda: all(tracker.find(claim.transaction_id) for claim in claims))
    devnet.produce_block()
    devnet.produce_block()
    eventually(lambda: all_settled(storage, claims))
    assert asked == []


def test_one_question_shows_that_a_block_is_on_the_chain_for_all_that_are_in_it(
    tracker: Tracker,
    devnet: Devnet,
    storage: MemoryStorage,
    claims: list[Claim],
    asked: list[str],
) -> None:
    """It was followed by the process that is gone."""
    for claim in claims:
        devnet.submit(claim.transaction)
    devnet.produce_block()
    point, height = devnet.tip()
    where: dict[str, Any] = {"block": point.block, "block_slot": point.slot, "block_height": height}
    for claim in claims:
        storage.add_claim(replace(claim, state=ClaimState.INCLUDED, accepted=True, **where))
    devnet.produce_block()
    tracker.start()
    eventually(lambda: all_settled(storage, claims))
    assert len(asked) == 1


def test_what_no_node_is_known_to_have_is_asked_for_once_and_sent_again(
    tracker: Tracker,
    devnet: Devnet,
    storage: MemoryStorage,
    claims: list[Claim],
    asked: list[str],
) -> None:
    for claim in claims:
        storage.add_claim(claim)
    tracker.start()
    eventually(lambda: len(set(asked)) == CLAIMS)
    assert len(asked) == CLAIMS
    for claim in claims:
        eventually(lambda claim=claim: is_waiting(devnet, claim))  # type: ignore[misc]


def is_waiting(devnet: Devnet, claim: Claim) -> bool:
    return isinstance(devnet.transaction(claim.transaction_id), InMempool)


# --- Which are asked for first ---------------------------------------------------------------


@dataclass
class StubFollower:
    """A follower as far as questions depend on it."""

    is_catching_up: bool = False
    asks: bool = True


class Monotonic:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pending(name: str, *, ends: int = 0, checks: int = 0, left: bool = False) -> PendingSettlement:
    claim = example_claim(transaction_id=name, state=ClaimState.SUBMITTED, invalid_hereafter=ends)
    made = PendingSettlement(claim)
    for _ in range(checks):
        made.begin_check(NOW)
    if left:
        made.leave_to_leader()
    return made


def names(chosen: Any) -> list[str]:
    return [each.claim.transaction_id for each in chosen]


def questions(follower: StubFollower, monotonic: Monotonic) -> Questions:
    return Questions(cast(Follower, follower), monotonic)


def test_so_many_in_a_second_and_no_more_after_a_pause() -> None:
    monotonic = Monotonic()
    choose = questions(StubFollower(), monotonic).choose
    due = [pending(f"{number}") for number in range(100)]
    assert len(choose(due)) == ASKED_A_SECOND
    assert choose(due) == []
    monotonic.now += 1 / ASKED_A_SECOND
    assert len(choose(due)) == 1
    monotonic.now += 1000
    assert len(choose(due)) == ASKED_A_SECOND
    monotonic.now += 1000
    assert len(choose(due[:2])) == 2


def test_those_first_that_were_not_asked_for_and_whose_validity_ends_first() -> None:
    due = [
        pending("asked before", ends=1, checks=1),
        pending("late", ends=30),
        pending("soon", ends=10),
        pending("later", ends=20),
    ]
    chosen = questions(StubFollower(), Monotonic()).choose(due)
    assert names(chosen) == ["soon", "later", "late", "asked before"]


def test_those_first_of_all_that_a_caller_waits_for() -> None:
    waited_for = pending("waited for", ends=50, checks=3)
    follower = StubFollower()
    monotonic = Monotonic()
    seen: list[list[str]] = []

    def give_up() -> bool:
        due = [pending("soon", ends=10), waited_for]
        seen.append(names(questions(follower, monotonic).choose(due)))
        return True

    waited_for.wait(60, give_up)
    assert seen == [["waited for", "soon"]]
    assert not waited_for.has_waiters


def test_none_while_the_blocks_of_before_are_still_read() -> None:
    follower = StubFollower(is_catching_up=True)
    choose = questions(follower, Monotonic()).choose
    assert choose([pending("one")]) == []
    follower.is_catching_up = False
    assert names(choose([pending("one")])) == ["one"]


def test_of_a_fleet_the_one_that_asks_for_all_looks_for_what_others_left() -> None:
    follower = StubFollower(asks=False)
    choose = questions(follower, Monotonic()).choose
    left, own = pending("left", left=True), pending("own")
    assert names(choose([left, own])) == ["own"]
    left.wait(60, lambda: names(choose([left])) == ["left"])
    follower.asks = True
    assert names(choose([left])) == ["left"]
