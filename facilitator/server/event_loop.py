"""Waiting for events of many connections, at no cost for those that nothing happens to.

Waitress looks at every connection before each event: with thousands of idle ones, whoever asks is
answered slowly, and those who connect wait for minutes.
"""

import selectors
from typing import Any

from waitress import wasyncore


class SelectorMap(dict[int, Any]):
    """The map of waitress: its sockets by number.

    A socket is looked at again, for what it waits for, after each of its events and for as long as
    it is not ``at_rest``; what has no such attribute never is. To be used by one thread.
    """

    def __init__(self) -> None:
        """Watch nothing yet."""
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._restless: dict[int, None] = {}

    def __setitem__(self, number: int, watched: Any) -> None:
        """Watch it."""
        super().__setitem__(number, watched)
        self._restless[number] = None

    def __delitem__(self, number: int) -> None:
        """Watch it no more; it must still be open."""
        super().__delitem__(number)
        self._restless.pop(number, None)
        self._await(number, 0)

    def clear(self) -> None:
        """Watch nothing any more."""
        super().clear()
        self._restless.clear()
        self._selector.close()

    def look_again(self, number: int) -> None:
        """What it waits for may have changed, though nothing happened to it."""
        if number in self:
            self._restless[number] = None

    def step(self, seconds: float) -> None:
        """Handle what has happened, or happens within so many seconds."""
        for number in list(self._restless):
            self._look(number)
        for key, events in self._selector.select(seconds):
            watched = self.get(key.fd)
            if watched is None:  # closed by what happened to another
                continue
            self._restless[key.fd] = None
            if events & selectors.EVENT_READ:
                wasyncore.read(watched)
            if events & selectors.EVENT_WRITE and key.fd in self:
                wasyncore.write(watched)

    def _look(self, number: int) -> None:
        watched = self[number]
        at_rest = getattr(watched, "at_rest", False)  # before, as other threads may be at work
        events = selectors.EVENT_READ if watched.readable() else 0
        if watched.writable() and not watched.accepting:
            events |= selectors.EVENT_WRITE
        if number not in self:  # a connection that lingered for long enough
            return
        self._await(number, events)
        if at_rest:
            del self._restless[number]

    def _await(self, number: int, events: int) -> None:
        awaited = self._selector.get_map().get(number)
        if awaited is None:
            if events:
                self._selector.register(number, events)
        elif not events:
            self._selector.unregister(number)
        elif awaited.events != events:
            self._selector.modify(number, events)
