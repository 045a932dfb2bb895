"""Processes that share a store, and one that is killed at work: no charge is lost or doubled."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator_channels.seller.store import Records
from support.channel_charger import CHANNEL, open_store
from support.postgres_servers import PostgresServer, needs_postgres
from support.redis_servers import RedisServer, needs_redis

TESTS = Path(__file__).parents[3]
Place = tuple[str, str, str]


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("redis", marks=needs_redis),
        pytest.param("postgres", marks=needs_postgres),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path, fresh_name: str) -> Place:
    """Kind, address and name of a store."""
    if request.param == "sqlite":
        return "sqlite", str(tmp_path / "channels.db"), ""
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("keeping_redis")
        return "redis", f"redis://127.0.0.1:{redis.port}", fresh_name
    postgres: PostgresServer = request.getfixturevalue("channels_postgres")
    return "postgres", postgres.url, fresh_name


def start(place: Place, count: int) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(TESTS), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-m", "support.channel_charger", *place, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    assert process.stdout is not None
    return (line.strip() for line in process.stdout)


def charged(place: Place) -> int:
    with closing(open_store(*place)) as store:
        record = Records(store).read(CHANNEL)
        return record.charged if record else 0


def test_processes_charge_one_after_the_other(place: Place) -> None:
    processes = [start(place, 30) for _ in range(2)]
    counts = [line for process in processes for line in lines(process)]
    for process in processes:
        assert process.wait() == 0
        assert process.stdout is not None
        process.stdout.close()
    assert sorted(int(line) for line in counts if line != "ready") == list(range(1, 61))
    assert charged(place) == 60


def test_a_killed_process_loses_nothing_that_it_said(place: Place) -> None:
    process = start(place, 100_000)
    said = 0
    for line in lines(process):
        said = 0 if line == "ready" else int(line)
        if said == 5:
            process.kill()
            break
    assert process.stdout is not None
    said = max([said, *(int(line) for line in process.stdout if line.endswith("\n"))])
    process.wait()
    process.stdout.close()
    assert said <= charged(place) <= said + 1
