"""Kept-alive connections to one origin, shared by all threads."""

from collections import deque
from contextlib import suppress

from facilitator.plugin import NotSent
from facilitator_blockfrost.connection import Answer, Connection, Origin

CONNECT_SECONDS = 3.0
MAX_IDLE = 64
_OF_THE_RIGHT_SERVER = frozenset({200, 404})
"""Statuses of answers to what was asked. After any other, such as that of a server which stands by
since a failover, a new connection by the same name may lead to one that answers."""


class Pool:
    """Idle connections. The last used one is taken first, so that surplus ones expire."""

    def __init__(self, origin: Origin) -> None:
        """Keep connections to ``origin``; connect to nothing yet."""
        self._origin = origin
        self._idle: deque[Connection] = deque()
        self._closed = False

    def ask(self, request: bytes, timeout: float, *, repeatable: bool) -> Answer:
        """Send the request; return its answer.

        A repeatable request goes over an idle connection if there is one, and again over a new
        one if that turns out to be closed. Any other request goes over a new one: the other end
        may close an idle one just when the request is on its way, and its outcome is then unknown.
        Raises :class:`NotSent`, and :class:`OSError` when the outcome is unknown.
        """
        idle = self._take() if repeatable else None
        if idle is not None:
            try:
                return self._ask(idle, request, timeout)
            except ConnectionError:
                if idle.answered:
                    raise
        try:
            connection = self._origin.connect(min(CONNECT_SECONDS, timeout))
        except OSError as error:
            raise NotSent from error
        return self._ask(connection, request, timeout)

    def close(self) -> None:
        """Close the idle connections; those in use are closed after their answer."""
        self._closed = True
        self._drop_idle()

    def _take(self) -> Connection | None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not connection.is_stale():
                return connection
            connection.close()

    def _ask(self, connection: Connection, request: bytes, timeout: float) -> Answer:
        try:
            answer = connection.ask(request, timeout)
        except BaseException:
            connection.close()
            raise
        if answer.status not in _OF_THE_RIGHT_SERVER:
            connection.close()
            self._drop_idle()
        elif connection.reusable and len(self._idle) < MAX_IDLE and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    def _drop_idle(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()
