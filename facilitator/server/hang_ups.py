"""The system's view of the other end of a connection, whether or not all of it was read."""

import select
import socket

_ENDS = getattr(select, "POLLRDHUP", 0)  # of Linux only


def ends(client: socket.socket) -> bool:
    """Return True if the other end sends no more; it may have closed the connection altogether."""
    return bool(_poll(client, _ENDS, 0.0))


def is_reset(client: socket.socket, seconds: float = 0.0) -> bool:
    """Return True if the connection is broken, or breaks within so many seconds."""
    return bool(_poll(client, 0, seconds))


def _poll(client: socket.socket, events: int, seconds: float) -> int:
    """Return what has happened of ``events`` and of what is always reported: errors, hang-ups."""
    number = client.fileno()
    if number < 0:
        return select.POLLNVAL
    poll = select.poll()
    poll.register(number, events)
    return sum(found for _, found in poll.poll(seconds * 1000))
