"""A lease that stands unchanged for its own length is over, whatever time is written in it."""

from functools import partial

import pytest

from facilitator.chain.lease_watch import LeaseWatch
from facilitator.testing.threads import together

LENGTH = 15.0


class Monotonic:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def watch(monotonic: Monotonic) -> LeaseWatch:
    return LeaseWatch(LENGTH, monotonic, limit=3)


def test_it_is_over_once_it_was_seen_unchanged_for_its_length(
    watch: LeaseWatch, monotonic: Monotonic
) -> None:
    assert not watch.is_over("one", "first")
    monotonic.now += LENGTH - 0.5
    assert not watch.is_over("one", "first")
    monotonic.now += 0.5
    assert watch.is_over("one", "first")
    assert watch.is_over("one", "first")


def test_one_that_was_renewed_begins_again(watch: LeaseWatch, monotonic: Monotonic) -> None:
    """Even as what it was before, since it did not stand so all the time."""
    watch.is_over("one", "first")
    monotonic.now += LENGTH - 0.5
    assert not watch.is_over("one", "renewed")
    monotonic.now += 0.5
    assert not watch.is_over("one", "first")
    monotonic.now += LENGTH - 0.5
    assert not watch.is_over("one", "first")
    monotonic.now += 0.5
    assert watch.is_over("one", "first")


def test_each_is_watched_by_its_name(watch: LeaseWatch, monotonic: Monotonic) -> None:
    watch.is_over("one")
    monotonic.now += LENGTH
    assert not watch.is_over("two")
    assert watch.is_over("one")


def test_a_crowd_has_its_turn_when_others_have_ended(
    watch: LeaseWatch, monotonic: Monotonic
) -> None:
    """Those that are watched stay, or none would ever be watched for long enough."""
    crowd = [f"{number}" for number in range(10)]
    ended: list[str] = []
    while crowd:
        over = [name for name in crowd if watch.is_over(name)]
        assert len(over) <= 3
        crowd = [name for name in crowd if name not in over]
        ended += over
        monotonic.now += LENGTH / 2
    assert len(ended) == 10


def test_one_that_is_never_seen_again_makes_room(watch: LeaseWatch, monotonic: Monotonic) -> None:
    for name in "abc":
        watch.is_over(name)
    monotonic.now += 3 * LENGTH
    watch.is_over("new")
    monotonic.now += LENGTH
    assert watch.is_over("new")


def test_many_threads_see_it_end(monotonic: Monotonic) -> None:
    watch = LeaseWatch(LENGTH, monotonic)
    asks = [partial(watch.is_over, "one")] * 20
    assert not any(together(asks))
    monotonic.now += LENGTH
    assert all(together(asks))
