"""The storages that ``growth.py`` fills: how each is opened, what it weighs and what it costs."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import growth_copies as copies
from processes import children, cpu_seconds

from facilitator.plugin import Storage
from facilitator_sqlite.storage import SqliteStorage
from support import postgres_servers, redis_servers
from support.postgres_storages import open_postgres
from support.redis_storages import open_redis

TICKS = os.sysconf("SC_CLK_TCK")
LEDGER = ("payments", "payment_events")
_SIZES = """
    SELECT coalesce(tbl_name, dbstat.name), sum(pgsize) FROM dbstat
    LEFT JOIN sqlite_schema s ON s.name = dbstat.name GROUP BY 1
"""
_POSTGRES_SIZES = """
    SELECT relname, pg_total_relation_size(c.oid) FROM pg_class c
    WHERE relkind = 'r' AND relnamespace = 'x402'::regnamespace
"""


@dataclass
class Engine:
    """A storage of one kind, with the server that keeps its records."""

    open: Callable[[], Storage]
    sizes: Callable[[], Mapping[str, int]]
    """Bytes by table, with its indexes."""
    server_seconds: Callable[[], float]
    """CPU seconds that its server has used, user and system."""
    copy: Callable[[int], None]
    """Adds so many copies of settled claims, each with an id and a key of its own."""
    settle: Callable[[], object]
    """Waits until it has done what it does in the background from time to time."""

    def weigh(self) -> tuple[int, int]:
        """Return the bytes of the payment ledger, and those of everything else."""
        sizes = self.sizes()
        ledger = sum(sizes.get(name, 0) for name in LEDGER)
        return ledger, sum(sizes.values()) - ledger


@contextmanager
def sqlite(folder: Path) -> Iterator[Engine]:
    """Yield a file of SQLite."""
    path = folder / "growth.db"

    def run(*statements: str) -> list[tuple[str, int]]:
        with closing(sqlite3.connect(path, timeout=60.0)) as connection, connection:
            *_, rows = [connection.execute(each).fetchall() for each in statements]
        return rows

    yield Engine(
        open=lambda: SqliteStorage(str(path), busy_seconds=60.0),
        sizes=lambda: dict(run(_SIZES)),
        server_seconds=lambda: 0.0,
        copy=lambda count: copies.in_steps(count, lambda some: run(*copies.in_sqlite(some))),
        settle=lambda: None,
    )


@contextmanager
def redis(folder: Path) -> Iterator[Engine]:
    """Yield a Redis server, whose memory counts; it keeps nothing on the disk."""
    with redis_servers.running(folder / "redis", "--appendonly", "no") as server:
        empty = _redis_memory(server)
        yield Engine(
            open=lambda: open_redis(server.url, timeout_seconds=60.0),
            sizes=lambda: {"memory": _redis_memory(server) - empty},
            server_seconds=lambda: cpu_seconds(server.process.pid),
            copy=lambda count: copies.in_steps(
                count, lambda some: server.command("EVAL", copies.IN_REDIS, "0", str(some))
            ),
            settle=lambda: None,
        )


@contextmanager
def postgres(_: Path) -> Iterator[Engine]:
    """Yield a PostgreSQL server that cleans up as it does by default."""
    with postgres_servers.running() as server:
        server.run("ALTER SYSTEM SET autovacuum = on")
        server.run("SELECT pg_reload_conf()")
        yield Engine(
            open=lambda: open_postgres(server.url, timeout_seconds=60.0),
            sizes=lambda: dict(server.run(_POSTGRES_SIZES)),
            server_seconds=lambda: _postgres_seconds(server.process.pid),
            copy=lambda count: copies.in_steps(
                count, lambda some: [server.run(each) for each in copies.in_postgres(some)]
            ),
            settle=lambda: server.run("VACUUM ANALYZE"),
        )


ENGINES: Mapping[str, Callable[[Path], AbstractContextManager[Engine]]] = {
    "sqlite": sqlite,
    "redis": redis,
    "postgres": postgres,
}


def _redis_memory(server: redis_servers.RedisServer) -> int:
    told = server.command("INFO", "memory")
    return int(told.partition("used_memory_dataset:")[2].split()[0])


def _postgres_seconds(pid: int) -> float:
    """Return the CPU time of the server, and of the processes that have served its connections."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ended = sum(map(int, fields[13:15])) / TICKS
    return ended + sum(map(cpu_seconds, [pid, *children(pid)]))
