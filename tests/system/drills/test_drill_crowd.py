"""Many settlements are open when the facilitator ends: the next one has the blocks confirm them."""

from collections.abc import Callable

from facilitator.chain.follower import RESUMABLE_BLOCKS
from facilitator.roles.claim import ClaimState
from facilitator.testing.waiting import eventually
from support.drills import PENDING, STATUS, Body, Drill

Start = Callable[..., Drill]
CROWD = 40


def crowd(drill: Drill) -> list[Body]:
    """Payments that a node has accepted, and that are in no block yet."""
    bodies = [drill.payment() for _ in range(CROWD)]
    for body in bodies:
        assert drill.settle(body)["errorReason"] == PENDING
    return bodies


def are_settled(drill: Drill, bodies: list[Body]) -> bool:
    return all(drill.stored(body).state is ClaimState.SETTLED for body in bodies)


def test_what_was_accepted_long_ago_is_confirmed_without_a_question(start: Start) -> None:
    first = start()
    first.clock.advance(30)  # beyond the first block, of which only its time is known
    bodies = crowd(first)
    first.close()
    first.clock.advance(1_000)
    second = start()
    second.provider.api.counters.reset()
    new = second.payment()
    assert second.settle(new)["errorReason"] == PENDING
    second.next_blocks(2)
    eventually(lambda: are_settled(second, [*bodies, new]))
    assert second.provider.count(STATUS) == 0
    for body in bodies:
        second.settled_once(body)


def test_what_landed_meanwhile_is_found_in_the_blocks(start: Start) -> None:
    """Though more blocks were made than a facilitator reads that nothing waits for."""
    first = start()
    bodies = crowd(first)
    first.close()
    first.next_blocks(RESUMABLE_BLOCKS + 5)
    second = start()
    second.provider.api.counters.reset()
    second.clock.advance(30)
    eventually(lambda: are_settled(second, bodies))
    assert second.provider.count(STATUS) == 0
