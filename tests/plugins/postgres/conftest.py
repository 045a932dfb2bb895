from collections.abc import Iterator
from itertools import count

import pytest

from support.postgres_servers import PostgresServer, running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that tests may use at will but must leave running."""
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def _numbers() -> Iterator[int]:
    return count()


@pytest.fixture
def schema(_numbers: Iterator[int]) -> str:
    """No other test has it: what is kept in it is empty at first."""
    return f"test_{next(_numbers)}"
