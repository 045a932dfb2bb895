"""Real PostgreSQL servers, each in a temporary folder of its own on a free port of the loopback.

The programs are those in the folder that ``FACILITATOR_TEST_POSTGRES`` names, else those on the
path, else those of Debian's package.
"""

import atexit
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from facilitator.testing.redis_server import free_port, may_be_skipped
from facilitator.testing.waiting import eventually

ACCOUNT = "nobody"
"""Who runs the server where the tests run as root, which PostgreSQL refuses."""
USER = "facilitator"

FAST = {
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "wal_level": "replica",
    "max_wal_size": "64MB",
    "autovacuum": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "logging_collector": "off",
}


def _programs() -> Path | None:
    if named := os.environ.get("FACILITATOR_TEST_POSTGRES"):
        return Path(named)
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


PROGRAMS = _programs()
NO_SERVER = "needs a server: install postgresql"
needs_postgres = pytest.mark.skipif(
    may_be_skipped(None if PROGRAMS is None else str(PROGRAMS), os.environ), reason=NO_SERVER
)


def _run(name: str, *arguments: str) -> None:
    assert PROGRAMS is not None, NO_SERVER
    subprocess.run(
        [str(PROGRAMS / name), *arguments], check=True, capture_output=True, cwd="/", **_account()
    )


def _account() -> dict[str, Any]:
    return {"user": ACCOUNT, "group": _group(), "extra_groups": []} if os.getuid() == 0 else {}


def _group() -> int:
    return pwd.getpwnam(ACCOUNT).pw_gid


def _new_folder() -> Path:
    """A folder of the server's account. In one of pytest's no other account may look."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, ACCOUNT, _group())
    return folder


@cache
def _template() -> Path:
    """A new folder of data, which takes longer to make than to copy."""
    folder = _new_folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = ("-U", USER, "-A", "trust", "-N", "-E", "UTF8", "--locale", "C")
    _run("initdb", "-D", str(folder / "data"), *options)
    return folder / "data"


class PostgresServer:
    """One server, which can be killed, paused and started again on the same port."""

    def __init__(self, *, standby_of: "PostgresServer | None" = None, port: int = 0) -> None:
        """Start it without records, or as the standby of another one; 0 takes any port."""
        self._folder = _new_folder()
        self._data = self._folder / "data"
        if standby_of is None:
            subprocess.run(["cp", "-a", str(_template()), str(self._data)], check=True)
        else:
            _run("pg_basebackup", "-D", str(self._data), "-R", "-d", standby_of.url, "-c", "fast")
        for _ in range(5):  # another process may take the port meanwhile
            self.port = port or free_port()
            if self._is_started():
                return
        raise AssertionError((self._folder / "log").read_text())

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it with what it kept on the disk, and wait until it answers.

        Another process may have its port for a moment.
        """
        eventually(self._is_started)

    def _is_started(self) -> bool:
        """Start it, and wait until it answers; return False if it ends before."""
        assert PROGRAMS is not None, NO_SERVER
        settings = {**FAST, "port": str(self.port)}
        options = [part for each in settings.items() for part in ("-c", "=".join(each))]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(PROGRAMS / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
                **_account(),
            )
        eventually(lambda: self.process.poll() is not None or self._answers())
        return self.process.poll() is None

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=60) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def shows(self, statement: str) -> bool:
        """Return True if the statement returns true; False also without an answer."""
        try:
            return bool(self.run(statement)[0][0])
        except psycopg.Error:
            return False

    def promote(self) -> None:
        """Have the standby take changes."""
        assert self.run("SELECT pg_promote()") == [(True,)]

    def kill(self) -> None:
        """End it as when the machine loses it: with all its processes."""
        for signal_ in (signal.SIGCONT, signal.SIGKILL):
            self._signal(signal_)
        self.process.wait()
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def close(self) -> None:
        """End it and forget what it kept."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def pause(self) -> None:
        """Have it answer nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on after a pause."""
        self._signal(signal.SIGCONT)

    def _signal(self, signal_: signal.Signals) -> None:
        """Send it to the server and to the processes that serve its connections."""
        if self.process.poll() is not None:
            return
        for pid in [self.process.pid, *self._children()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_)

    def _children(self) -> list[int]:
        """Return the ids of the processes that the server has made."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            return list(map(int, path.read_text().split()))
        except OSError:
            return []


@contextlib.contextmanager
def replicated() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """Yield a primary and its standby, which has each change before the primary confirms it."""
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(running())
        standby = stack.enter_context(running(standby_of=primary))
        wait_for_standby(primary)
        yield primary, standby


def wait_for_standby(primary: PostgresServer) -> None:
    """Have the primary confirm nothing any more that no standby has."""
    primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.run("SELECT pg_reload_conf()")
    eventually(
        lambda: primary.shows("SELECT bool_or(sync_state = 'sync') FROM pg_stat_replication")
    )


@contextlib.contextmanager
def running(*, standby_of: PostgresServer | None = None) -> Iterator[PostgresServer]:
    """Yield a server that ends with the block."""
    server = PostgresServer(standby_of=standby_of)
    try:
        yield server
    finally:
        server.close()
