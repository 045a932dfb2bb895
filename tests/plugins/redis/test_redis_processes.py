from contextlib import closing
from pathlib import Path

from support.hammering import assert_agreed, compete, written_until_killed
from support.redis_servers import Cluster, RedisServer, Replicated, needs_redis, running
from support.redis_storages import open_redis

pytestmark = needs_redis


def agree(url: str) -> None:
    told = compete(url)
    with closing(open_redis(url, "hammer")) as storage:
        assert_agreed(told, storage)


def test_processes_that_share_a_server_agree(redis_server: RedisServer) -> None:
    agree(redis_server.url)


def test_processes_that_share_a_server_behind_sentinel_agree(redis_replicated: Replicated) -> None:
    agree(redis_replicated.url)


def test_processes_that_share_a_cluster_agree(redis_cluster: Cluster) -> None:
    agree(redis_cluster.url)


def test_a_killed_server_loses_nothing_that_it_synced(tmp_path: Path) -> None:
    with running(tmp_path / "server", "--appendfsync", "always") as server:
        acknowledged = written_until_killed(server.url, 60)
        server.kill()
        server.start()
        with closing(open_redis(server.url, "hammer")) as storage:
            for transaction_id, version in acknowledged.items():
                claim = storage.claim(transaction_id)
                assert claim is not None
                assert claim.version >= version
            ids = {claim.transaction_id for claim in storage.open_claims()}
            assert ids >= set(acknowledged)
