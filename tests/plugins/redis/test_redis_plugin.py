"""The plugin as it is enabled: settings, warnings, and the reasons why it cannot start."""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.errors import ConfigInvalidError, PluginError
from facilitator.roles.sharing import SharesOutputs
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.border import unguarded
from facilitator.testing.examples import example_claim
from facilitator.testing.waiting import eventually
from facilitator_redis import requirements
from facilitator_redis.names import Names
from facilitator_redis.storage import RedisStorage
from support.redis_plugin import COMMANDS, QUOTED, allow, refusal, storage_of
from support.redis_servers import (
    Cluster,
    RedisServer,
    free_port,
    needs_redis,
    running,
)
from support.redis_storages import open_redis

pytestmark = needs_redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running(tmp_path / "server") as server:
        yield server


def test_a_cluster_has_no_replicas_to_wait_for(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"redis\.replicas must be 0 with a Cluster"):
        storage_of(tmp_path, url="redis+cluster://127.0.0.1:1", replicas="1")


def test_the_replicas_of_the_settings_are_waited_for(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    with (
        closing(
            storage_of(tmp_path, url=redis_server.url, prefix="alone", replicas="1")
        ) as storage,
        pytest.raises(StorageUnavailable, match="is not ready"),
    ):
        storage.add_claim(example_claim())


def test_redis_is_chosen_by_its_name(tmp_path: Path, redis_server: RedisServer) -> None:
    with closing(storage_of(tmp_path, url=redis_server.url, prefix="chosen")) as storage:
        assert isinstance(unguarded(storage), RedisStorage)
        assert isinstance(storage, SharesOutputs)
        assert (storage.is_shared, storage.is_durable) == (True, True)


def test_a_redis_that_is_away_stops_the_start(tmp_path: Path) -> None:
    port = free_port()
    assert refusal(tmp_path, f"redis://user:{QUOTED}@127.0.0.1:{port}") == (
        f"the storage cannot start: Redis at 127.0.0.1:{port} cannot be reached (Connection"
        " refused); start it, or correct redis.url"
    )


def test_a_wrong_url_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalidError, match=r"redis\.url: must begin with") as caught:
        storage_of(tmp_path, url="http://:hidden@127.0.0.1")
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["a{b", "a}b", "a b", "x" * 65, "a*"])
def test_a_prefix_that_would_break_keys_is_a_wrong_setting(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(ConfigInvalidError, match=r"redis\.prefix: must be 1 to 64 letters"):
        storage_of(tmp_path, prefix=prefix)


def test_who_has_another_prefix_or_database_shares_nothing(server: RedisServer) -> None:
    first = server.url.removesuffix("/0")
    with (
        closing(open_redis(first)) as storage,
        closing(open_redis(first, "other")) as other_prefix,
        closing(open_redis(f"{first}/1")) as other_database,
        closing(open_redis(f"{first}/0")) as same,
    ):
        claim = storage.add_claim(example_claim())
        assert other_prefix.claim(claim.transaction_id) is None
        assert other_database.claim(claim.transaction_id) is None
        assert same.claim(claim.transaction_id) == claim


@pytest.mark.parametrize("record", ["", "0 ", "0 []", '0 {"state": "claimed"}', "0 7"])
def test_what_is_no_claim_is_reported(redis_server: RedisServer, prefix: str, record: str) -> None:
    redis_server.command("SET", Names(prefix).claim("c1" * 32), record)
    with (
        closing(open_redis(redis_server.url, prefix)) as storage,
        pytest.raises(StorageUnavailable, match="cannot be read"),
    ):
        storage.claim("c1" * 32)


# --- Sentinel and Cluster -----------------------------------------------------------------------


def test_a_slot_that_moves_is_followed(redis_cluster: Cluster, prefix: str) -> None:
    with closing(open_redis(redis_cluster.url, prefix)) as storage:
        claim = storage.add_claim(example_claim())
        storage.remove_claim(claim)
        redis_cluster.move_slot_of(Names(prefix).open_claims)
        assert storage.add_claim(claim) == claim
        assert list(storage.open_claims()) == [claim]


# --- What is warned of --------------------------------------------------------------------------


def warnings_at_start(folder: Path, url: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        storage_of(folder, url=url).close()
    return [record.getMessage() for record in caplog.records]


def test_a_redis_that_may_lose_claims_is_warned_of(
    tmp_path: Path, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert warnings_at_start(tmp_path, server.url, caplog) == []
    server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    server.command("CONFIG", "SET", "appendonly", "no")
    evicts, forgets = warnings_at_start(tmp_path, server.url, caplog)
    assert "maxmemory-policy allkeys-lru" in evicts
    assert "set appendonly to yes" in forgets
    restricted = allow(server, "~{x402}:*", *COMMANDS.split())
    assert warnings_at_start(tmp_path, restricted, caplog) == []


def test_what_changes_after_the_start_is_warned_of_once(
    server: RedisServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a failover leads to a server that is set up in another way."""
    monkeypatch.setattr(requirements, "LOOK_SECONDS", 0.0)
    with closing(open_redis(server.url)) as storage:
        storage.ping()
        assert caplog.messages == []
        server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        for _ in range(2):
            storage.ping()
        assert [each for each in caplog.messages if "allkeys-lru" in each] == caplog.messages[:1]


def test_a_question_that_is_forbidden_disturbs_no_claim(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "LOOK_SECONDS", 0.0)
    restricted = allow(server, "~{x402}:*", *COMMANDS.split())
    with closing(open_redis(restricted)) as storage:
        for number in range(3):
            storage.ping()
            claim = example_claim(transaction_id=f"{number:064x}")
            assert storage.add_claim(claim) == claim


def test_a_storage_that_was_closed_holds_no_connection(server: RedisServer) -> None:
    storage = open_redis(server.url)
    storage.ping()
    assert "connected_clients:2" in server.command("INFO", "clients")
    storage.close()
    eventually(lambda: server.shows("connected_clients:1", "INFO", "clients"))
    with pytest.raises(StorageUnavailable, match="is closed"):
        storage.ping()
