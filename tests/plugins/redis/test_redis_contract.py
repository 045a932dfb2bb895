from collections.abc import Callable, Iterator

import pytest

from facilitator.roles.storage import Storage
from facilitator.testing.payment_ledger import KeepsOutboxContract
from facilitator.testing.storage import (
    SharesOutputsContract,
    StorageContract,
    StoresApiKeysContract,
)
from support.redis_servers import Cluster, RedisServer, Replicated, needs_redis
from support.redis_storages import open_redis

pytestmark = needs_redis


class TestRedisStorage(
    StorageContract, SharesOutputsContract, KeepsOutboxContract, StoresApiKeysContract
):
    @pytest.fixture
    def open_storage(self, redis_server: RedisServer, prefix: str) -> Callable[[], Storage]:
        return lambda: open_redis(redis_server.url, prefix)

    @pytest.fixture
    def cut(self, redis_server: RedisServer) -> Iterator[Callable[[], None]]:
        yield redis_server.kill
        if redis_server.process.poll() is not None:
            redis_server.start()


class TestRedisSentinelStorage(StoresApiKeysContract):
    """Sentinels only say where the server is, to which the same commands go as without them."""

    @pytest.fixture
    def open_storage(self, redis_replicated: Replicated, prefix: str) -> Callable[[], Storage]:
        return lambda: open_redis(redis_replicated.url, prefix)


class TestRedisClusterStorage(
    StorageContract, SharesOutputsContract, KeepsOutboxContract, StoresApiKeysContract
):
    @pytest.fixture
    def open_storage(self, redis_cluster: Cluster, prefix: str) -> Callable[[], Storage]:
        return lambda: open_redis(redis_cluster.url, prefix)
