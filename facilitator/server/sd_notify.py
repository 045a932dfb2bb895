"""Notices to systemd about the service's state: the protocol of ``sd_notify``, and no more.

The functions do nothing where no service manager has asked for notices. See sd_notify(3).
"""

import os
import socket
import time
from contextlib import suppress

VARIABLE = "NOTIFY_SOCKET"


def notify_ready(status: str) -> None:
    """Report that the service serves by the settings last read; the manager shows ``status``."""
    _notify(READY="1", STATUS=status)


def notify_reloading() -> None:
    """Report that the service reads its settings again; :func:`notify_ready` ends that."""
    _notify(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))


def notify_stopping() -> None:
    """Report that the service takes no more requests and ends."""
    _notify(STOPPING="1", STATUS="draining")


def disable() -> None:
    """Send no notices from now on: another process reports for the service."""
    os.environ.pop(VARIABLE, None)


def _notify(**state: str) -> None:
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    message = "\n".join(f"{name}={value}" for name, value in state.items())
    # A name that begins with @ stands for one in the kernel's abstract namespace.
    path = "\0" + address[1:] if address.startswith("@") else address
    with (
        suppress(OSError),  # the service manager has gone
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notices,
    ):
        notices.sendto(message.encode(), path)
