"""Pauses of a request: while it waits for others, another request may work.

The server lets few requests work at once. A wait that is no pause keeps others from work too, but
for moments only: then the server has one of them work beside it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Turn(Protocol):
    """The turn of a thread to work."""

    def pause(self) -> None:
        """Let another thread work."""
        ...

    def resume(self) -> None:
        """Work again, perhaps after a while."""
        ...


class _Thread(threading.local):
    turn: Turn | None = None


_thread = _Thread()


def take_turns(turn: Turn) -> None:
    """Have the calling thread give up this turn in its pauses, from now on."""
    _thread.turn = turn


@contextmanager
def pausing() -> Iterator[None]:
    """Let another request work until the block ends, in which the calling thread waits.

    Its end may wait some moments for a turn: hold no lock meanwhile that others need. In a thread
    that answers no request, nothing happens.
    """
    turn = _thread.turn
    if turn is None:
        yield
        return
    _thread.turn = None  # a pause within this one changes nothing
    turn.pause()
    try:
        yield
    finally:
        turn.resume()
        _thread.turn = turn
