"""Turns at something scarce, given to the clients in rotation."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from facilitator.pauses import pausing

MOST_OF_A_CLIENT = 16
"""Calls of one client that may wait at once."""
MOST = 256
"""Calls that may wait at once."""

_T = TypeVar("_T")


class NoTurn(Exception):
    """Too many wait already, or the time is over."""


class Rotation(Generic[_T]):
    """Things that one call uses at a time. Safe to use from many threads.

    When one is free, the clients that wait come in rotation: a client with many calls delays
    another one by a single call at most.
    """

    def __init__(self, things: Sequence[_T]) -> None:
        """Have all of them free."""
        self._lock = threading.Lock()
        self._free = list(things)
        self._waiting: OrderedDict[str, deque[_Ticket[_T]]] = OrderedDict()

    @contextmanager
    def taken_by(self, client: str, seconds: float) -> Iterator[_T]:
        """Yield one of the things. Raises :class:`NoTurn` if none is free in so many seconds."""
        thing = self._take(client, seconds)
        try:
            yield thing
        finally:
            self._give_back(thing)

    def _take(self, client: str, seconds: float) -> _T:
        with self._lock:
            if self._free:
                return self._free.pop()
            every = sum(map(len, self._waiting.values()))
            if len(self._waiting.get(client, ())) >= MOST_OF_A_CLIENT or every >= MOST:
                raise NoTurn
            ticket = _Ticket[_T]()
            self._waiting.setdefault(client, deque()).append(ticket)
        with pausing():
            ticket.given.wait(seconds)
        with self._lock:
            if ticket.thing is not None:
                return ticket.thing
            self._remove(client, ticket)
            raise NoTurn

    def _give_back(self, thing: _T) -> None:
        with self._lock:
            if not self._waiting:
                self._free.append(thing)
                return
            client = next(iter(self._waiting))
            ticket = self._waiting[client][0]
            self._remove(client, ticket)
            if client in self._waiting:
                self._waiting.move_to_end(client)
            ticket.thing = thing
            ticket.given.set()

    def _remove(self, client: str, ticket: "_Ticket[_T]") -> None:
        waiting = self._waiting[client]
        waiting.remove(ticket)
        if not waiting:
            del self._waiting[client]


class _Ticket(Generic[_T]):
    """A call that waits."""

    def __init__(self) -> None:
        self.given = threading.Event()
        self.thing: _T | None = None
