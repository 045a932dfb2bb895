"""The event loop of many connections, at no cost for those to which nothing happens.

Waitress asks every connection before each event. With thousands of idle ones, requests are answered
slowly, and new connections wait for minutes.
"""

import selectors
from typing import Any

from waitress import wasyncore


class SelectorMap(dict[int, Any]):
    """The map of waitress: its sockets by file descriptor, each registered with one selector.

    After each event of a socket the map asks it for the events that it awaits. It also asks before
    each event while the socket is not ``at_rest``; a socket without this attribute never is at
    rest. Only one thread may use the map; others may call :meth:`recheck`, and then wake that one.
    """

    def __init__(self) -> None:
        """Begin with no sockets."""
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._awaited: dict[int, int] = {}
        """The events for which each socket is registered."""
        self._to_check: dict[int, None] = {}

    def __setitem__(self, fd: int, handler: Any) -> None:
        """Add a socket."""
        super().__setitem__(fd, handler)
        self._to_check[fd] = None

    def __delitem__(self, fd: int) -> None:
        """Remove a socket, which must still be open."""
        super().__delitem__(fd)
        self._to_check.pop(fd, None)
        self._register(fd, 0)

    def clear(self) -> None:
        """Remove all sockets, and close the selector."""
        super().clear()
        self._to_check.clear()
        self._awaited.clear()
        self._selector.close()

    def recheck(self, fd: int) -> None:
        """Ask the socket again: it may await other events, though nothing happened to it."""
        if fd in self:
            self._to_check[fd] = None

    def step(self, seconds: float) -> None:
        """Handle the events that have happened, or happen within so many seconds."""
        for fd in list(self._to_check):
            if fd in self._to_check:  # else another closed it meanwhile
                self._check(fd)
        for key, events in self._selector.select(seconds):
            handler = self.get(key.fd)
            if handler is None:  # closed by an event of another
                continue
            self._to_check[key.fd] = None
            if events & selectors.EVENT_READ:
                wasyncore.read(handler)
            if events & selectors.EVENT_WRITE and key.fd in self:
                wasyncore.write(handler)

    def _check(self, fd: int) -> None:
        handler = self[fd]
        # First, so that what another thread does from now on is looked at again.
        del self._to_check[fd]
        at_rest = getattr(handler, "at_rest", False)
        events = selectors.EVENT_READ if handler.readable() else 0
        if handler.writable() and not handler.accepting:
            events |= selectors.EVENT_WRITE
        if fd not in self:  # a connection that lingered for long enough
            return
        self._register(fd, events)
        if not at_rest:
            self._to_check[fd] = None

    def _register(self, fd: int, events: int) -> None:
        awaited = self._awaited.get(fd, 0)
        if events == awaited:
            return
        self._awaited[fd] = events
        if not awaited:
            self._selector.register(fd, events)
        elif events:
            self._selector.modify(fd, events)
        else:
            self._selector.unregister(fd)
            del self._awaited[fd]
