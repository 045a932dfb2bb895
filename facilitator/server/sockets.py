"""The sockets that the HTTP server listens on."""

import errno
import os
import socket
from collections.abc import Sequence
from typing import Any

from facilitator.errors import FacilitatorError
from facilitator.settings import ServerSettings

BACKLOG = 2048
"""Connections that may wait to be accepted; the system may allow fewer."""
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""After 15 silent seconds the system asks whether the other machine is there, thrice in 15 more."""


_OTHER_HOST = "set server.host to an address of this machine"
_ANY_IPV6 = "::"
_ADVICE = {
    errno.EAFNOSUPPORT: "this machine has no IPv6, set server.host to 0.0.0.0 for all of IPv4",
    errno.EADDRINUSE: "stop what has it, or set server.port",
    errno.EACCES: "set server.port to one that this user may have, from 1024 on",
}
"""Advice by error number."""


class ListenError(FacilitatorError):
    """A failure to listen at the address."""


def listen(settings: ServerSettings) -> Sequence[socket.socket]:
    """Return sockets that listen at every address of the host, for port 0 at the first one only.

    Raises :class:`ListenError` when an address is taken, not permitted or not this machine's.
    """
    sockets: list[socket.socket] = []
    try:
        for family, address in _addresses(settings):
            sockets.append(_listen_at(family, address))
            _keep_alive(sockets[-1])
    except (OSError, ValueError) as error:  # the latter for what cannot be a name
        for each in sockets:
            each.close()
        raise ListenError(
            f"cannot listen on {settings.host}:{settings.port}: {_why(error)}"
        ) from error
    return sockets


def _listen_at(family: socket.AddressFamily, address: Any) -> socket.socket:
    """Return a socket that listens at the address, at ``::`` for IPv4 too.

    Python would leave IPv4 out there, unlike the system and what operators expect.
    """
    both = family == socket.AF_INET6 and address[0] == _ANY_IPV6 and socket.has_dualstack_ipv6()
    return socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=both)


def _keep_alive(listening: socket.socket) -> None:
    """Have the system notice clients that are gone without a word, as after a power cut.

    Accepted sockets inherit that. Such a client would wait for ever, and be sent a success.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if option := getattr(socket, name, None):  # not everywhere
            listening.setsockopt(socket.IPPROTO_TCP, option, value)


def url_of(settings: ServerSettings, port: int) -> str:
    """Return the URL at which clients reach a server that listens on the port."""
    host = settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def port_of(listening: socket.socket) -> int:
    """Return the actual port, also when 0 was set."""
    return int(listening.getsockname()[1])


def _addresses(settings: ServerSettings) -> Sequence[tuple[socket.AddressFamily, Any]]:
    found = socket.getaddrinfo(
        settings.host,
        settings.port,
        type=socket.SOCK_STREAM,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_PASSIVE,
    )
    distinct = dict.fromkeys((family, address) for family, *_, address in found)
    return list(distinct)[: None if settings.port else 1]


def _why(error: OSError | ValueError) -> str:
    """Return the reason, and what to do about it."""
    if isinstance(error, OSError) and error.errno is not None:
        # The error's own text repeats the address, but only it says that a name is not found.
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno)
        return f"{why}; {_ADVICE.get(error.errno, _OTHER_HOST)}"
    return f"{error}; {_OTHER_HOST}"
