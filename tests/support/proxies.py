"""A plain TCP proxy that can lose a reply, speak TLS or change servers; and one that balances."""

import contextlib
import itertools
import socket
import ssl
import threading
from collections.abc import Iterator

_CHUNK = 1 << 20


class Proxy:
    """Forwards to a port of the loopback."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        """How many there were."""
        self.losses = 0
        """How many replies are still to be lost, each with its connection."""
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            server = self._connect()
            self._sockets += [client, server]
            back = threading.Thread(target=self._return, args=(server, client), daemon=True)
            self._threads.append(back)
            back.start()
            while data := client.recv(_CHUNK):
                server.sendall(data)
            _end(server)
        client.close()

    def lead_to(self, target: int) -> None:
        """Forward new connections to another port; those that are open stay where they are."""
        self._target = target

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._target), timeout=60)

    def _return(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                if self._is_lost():
                    break
                client.sendall(data)
        _end(client)
        server.close()

    def _is_lost(self) -> bool:
        with self._lock:
            is_lost = self.losses > 0
            self.losses -= is_lost
            return is_lost

    def close(self) -> None:
        _end(self._listener)  # which wakes the thread that accepts; closing does not
        self._listener.close()
        for each in self._sockets:
            _end(each)
        for thread in self._threads:
            thread.join(60)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class Balancer(Proxy):
    """Gives each connection to the next of some ports of the loopback that takes it."""

    def __init__(self, *targets: int) -> None:
        self._turns = itertools.cycle(targets)
        self._tries = len(targets)
        super().__init__(targets[0])

    def _connect(self) -> socket.socket:
        for _ in range(self._tries):
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", next(self._turns)), timeout=60)
        raise OSError("nobody takes the connection")


@contextlib.contextmanager
def proxy(target: int, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """A proxy that ends with the block."""
    running = Proxy(target, tls)
    try:
        yield running
    finally:
        running.close()
