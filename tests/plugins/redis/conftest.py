from collections.abc import Iterator
from itertools import count

import pytest

from support.redis_servers import (
    Cluster,
    RedisServer,
    Replicated,
    clustered,
    replicated,
    running,
)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server that tests may use at will but must leave running."""
    with running(tmp_path_factory.mktemp("redis") / "server") as server:
        yield server


@pytest.fixture(scope="session")
def redis_replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    with replicated(tmp_path_factory.mktemp("replicated")) as servers:
        yield servers


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with clustered(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture
def prefix(_numbers: Iterator[int]) -> str:
    """Nobody else has it: what is kept under it is empty at first."""
    return f"test-{next(_numbers)}"
