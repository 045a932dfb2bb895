"""The end of ``sd_notify`` that systemd has."""

import socket
import uuid
from types import TracebackType
from typing import Self


class Notices:
    """Receives what a service tells its manager, one datagram after the other."""

    def __init__(self, address: str | None = None) -> None:
        """Bind a name in the kernel's abstract namespace, or the path of a socket."""
        self.address = address or f"@x402-facilitator-{uuid.uuid4()}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address.replace("@", "\0", 1))
        self._socket.settimeout(60)

    def next(self) -> dict[str, str]:
        """The next notice; waits for it."""
        lines = self._socket.recv(65536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def rest(self) -> list[dict[str, str]]:
        """What has been told and not been heard, once the service has ended."""
        self._socket.setblocking(False)
        rest = []
        try:
            while True:
                rest.append(self.next())
        except BlockingIOError:
            return rest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
