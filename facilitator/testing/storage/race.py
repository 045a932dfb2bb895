"""The race that the contract's tests start over a storage."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any, TypeAlias

import pytest

from facilitator.roles.storage import Storage
from facilitator.testing.races import Racetrack, racetrack

THREADS = 8
_OPENED = 2

Call: TypeAlias = Callable[[Any], Any]
"""A call of a storage, which it gets."""


def for_each(names: Sequence[str], call: Callable[[str], Call]) -> Call:
    """Return a call that makes one call for each name, so that one round has several races."""
    return lambda storage: [call(name)(storage) for name in names]


class StorageRace:
    """Threads that call one storage at the same time, through all that was opened of it."""

    def __init__(self, track: Racetrack, opened: Sequence[Storage]) -> None:
        """Race on the track."""
        self._track = track
        self._opened = opened
        self.storage: Any = opened[0]
        """The storage, for calls before and after."""

    def show(self, now: float) -> None:
        """Have every opening know the time: one that was shown none goes by its own clock."""
        for storage in self._opened:
            storage.bound_to("no key", now)

    def __call__(self, calls: Sequence[Call], *, by_one: bool = False) -> list[Any]:
        """Make the calls at the same time; return their results in order.

        Neighbours use different openings of a shared storage, unless ``by_one``. So a lock in this
        process does not make it atomic.
        """
        number = 1 if by_one else len(self._opened)
        bound = [partial(call, self._opened[n % number]) for n, call in enumerate(calls)]
        return self._track.together(bound)


class RacesStorage:
    """The fixture ``race``, which needs ``open_storage``."""

    @pytest.fixture
    def race(self, open_storage: Callable[[], Storage]) -> Iterator[StorageRace]:
        """Yield a race over a new storage; every thread has called it before."""
        with racing(open_storage) as race:
            yield race


@contextmanager
def racing(open_storage: Callable[[], Storage]) -> Iterator[StorageRace]:
    """Yield a race over the storage that the function opens, again and again if it is shared."""
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(open_storage()))]
        if opened[0].is_shared:
            opened += [stack.enter_context(closing(open_storage())) for _ in range(_OPENED - 1)]
        track = stack.enter_context(racetrack(THREADS, opened[0]))
        track.warm_up([partial(_connect, opened)] * THREADS)
        yield StorageRace(track, opened)


def _connect(opened: Sequence[Storage]) -> None:
    for storage in opened:
        storage.ping()
        storage.claim("00" * 32)
