from collections.abc import Iterator
from itertools import count

import pytest

from support.postgres_servers import PostgresServer
from support.postgres_servers import running as running_postgres
from support.redis_servers import RedisServer
from support.redis_servers import running as running_redis

KEEPS = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")


@pytest.fixture(scope="session")
def keeping_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that keeps what it acknowledges. Tests must leave it running."""
    with running_redis(tmp_path_factory.mktemp("redis") / "server", *KEEPS) as server:
        yield server


@pytest.fixture(scope="session")
def channels_postgres() -> Iterator[PostgresServer]:
    """A server that tests must leave running."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture
def fresh_name(_numbers: Iterator[int]) -> str:
    """A name that no other test has."""
    return f"channels_{next(_numbers)}"
