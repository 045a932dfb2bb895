"""Storages that several processes share, as settings name them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from support import postgres_servers, redis_servers
from support.postgres_servers import needs_postgres
from support.redis_servers import needs_redis

REDIS = pytest.param("redis", marks=needs_redis)
POSTGRES = pytest.param("postgres", marks=needs_postgres)


@contextmanager
def shared_storage(kind: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """The settings of a storage of the kind, whose server ends with the block."""
    match kind:
        case "redis":
            with redis_servers.running(folder / kind) as redis:
                yield {"FACILITATOR_REDIS__URL": redis.url}
        case "postgres":
            with postgres_servers.running() as postgres:
                yield {"FACILITATOR_POSTGRES__URL": postgres.url}
        case _:
            yield {}
