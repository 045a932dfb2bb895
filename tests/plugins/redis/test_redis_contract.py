from collections.abc import Callable, Iterator

import pytest

from facilitator.roles.storage import Storage
from facilitator.testing.payment_ledger import KeepsOutboxContract
from facilitator.testing.storage import (
    SharesOutputsContract,
    StorageContract,
    StoresApiKeysContract,
)
from facilitator_redis.names import Names
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

    @pytest.fixture
    def spoil(self, redis_server: RedisServer, prefix: str) -> Callable[[str], None]:
        def write_another(transaction_id: str) -> None:
            redis_server.command("SET", Names(prefix).claim(transaction_id), "0 7")

        return write_another


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
