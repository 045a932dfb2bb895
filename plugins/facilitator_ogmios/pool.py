"""Kept connections of one kind, each used by one thread at a time."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from facilitator.plugin import NotSent
from facilitator_ogmios.connection import Connection, Target

LIFETIME_SECONDS = 10.0
"""Age at which a connection is used no more: the host's name may lead to another node by now."""


class Pool:
    """At most so many connections. The last used one is taken first."""

    def __init__(self, target: Target, most: int) -> None:
        """Connect to nothing yet."""
        self._target = target
        self._places = threading.BoundedSemaphore(most)
        self._idle: deque[Connection] = deque()
        self._closed = False

    @contextmanager
    def connection(self, deadline: float, *, fresh: bool = False) -> Iterator[Connection]:
        """Yield a connection, with ``fresh`` a new one, for use until then (monotonic seconds).

        It is kept unless the block raises. Raises :class:`NotSent`.
        """
        if self._closed or not self._places.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise NotSent from TimeoutError("all connections are in use")
        try:
            taken = (None if fresh else self._take()) or Connection(
                self._target, max(0.05, deadline - time.monotonic())
            )
            try:
                yield taken
            except BaseException:
                taken.close()
                raise
            self._keep(taken)
        finally:
            self._places.release()

    def close(self) -> None:
        """Close the idle connections; those in use are closed after their answer."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_open and connection.age < LIFETIME_SECONDS:
                return connection
            connection.close()

    def _keep(self, connection: Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)
