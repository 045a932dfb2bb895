"""Telling systemd how the service does: the protocol of ``sd_notify``, and nothing else of it.

Every function does nothing where no service manager asks to be told. See sd_notify(3).
"""

import os
import socket
import time
from contextlib import suppress

VARIABLE = "NOTIFY_SOCKET"


def ready(status: str) -> None:
    """It serves, by the settings that it has read; ``status`` is shown to whoever asks."""
    _notify(READY="1", STATUS=status)


def reloading() -> None:
    """It reads its settings again, and tells when it is ready."""
    _notify(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))


def stopping() -> None:
    """It takes no more requests and ends."""
    _notify(STOPPING="1", STATUS="draining")


def leave() -> None:
    """Tell nothing from now on: another process speaks for the service."""
    os.environ.pop(VARIABLE, None)


def _notify(**state: str) -> None:
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    message = "\n".join(f"{name}={value}" for name, value in state.items())
    # A name that begins with @ stands for one in the kernel's abstract namespace.
    path = "\0" + address[1:] if address.startswith("@") else address
    with (
        suppress(OSError),  # whoever wanted to be told has gone
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notices,
    ):
        notices.sendto(message.encode(), path)
