"""A storage that is timed does what it did, and offers what it offered."""

from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from facilitator.observability.storage_metrics import OPERATIONS, timed_storage
from facilitator.roles.metrics import NO_METER
from facilitator.roles.sharing import SharesChain, SharesOutputs
from facilitator.roles.storage import HasServerTime, Storage, StorageUnavailable
from facilitator_memory.storage import MemoryStorage
from facilitator_prometheus.prometheus_meter import PrometheusMeter
from facilitator_redis.address import parse_address
from facilitator_redis.server import Server
from facilitator_redis.storage import RedisStorage
from facilitator_sqlite.storage import SqliteStorage
from support.exposition import Metrics


class Echo:
    """Answers every call with what it was called with."""

    is_shared, is_durable = True, False

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: (name, arguments, named)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_handed_on_as_it_is(operation: str) -> None:
    meter = PrometheusMeter(None)
    storage: Any = timed_storage(cast(Storage, Echo()), meter)
    assert getattr(storage, operation)(1, now=2.0) == (operation, (1,), {"now": 2.0})
    found = Metrics(meter.exposition().decode())
    assert found.by("operation", "facilitator_storage_seconds_count") == {operation: 1}


def test_its_optional_parts_are_the_storages(tmp_path: Path) -> None:
    meter = PrometheusMeter(None)
    with closing(SqliteStorage(str(tmp_path / "facilitator.db"))) as storage:
        measured = timed_storage(storage, meter)
        assert (measured.is_shared, measured.is_durable) == (True, True)
        assert isinstance(measured, SharesChain)
        assert not isinstance(measured, SharesOutputs)
    assert not isinstance(timed_storage(MemoryStorage(), meter), SharesChain)
    assert not isinstance(timed_storage(MemoryStorage(), meter), HasServerTime)
    server = Server(parse_address("redis://127.0.0.1:1"), timeout_seconds=1.0)
    with closing(RedisStorage(server, "unused")) as redis:
        assert isinstance(timed_storage(redis, meter), HasServerTime)


def test_all_that_any_storage_does_is_timed() -> None:
    own = {"is_shared", "is_durable", "is_prompt"}
    for kind in (MemoryStorage, SqliteStorage, RedisStorage):
        public = {name for name in vars(kind) if not name.startswith("_")}
        assert public - own <= set(OPERATIONS)


def test_what_fails_is_counted_and_raised(tmp_path: Path) -> None:
    meter = PrometheusMeter(None)
    storage = timed_storage(SqliteStorage(str(tmp_path / "facilitator.db")), meter)
    storage.ping()
    storage.close()
    with pytest.raises(StorageUnavailable):
        storage.claim("ab" * 32)
    found = Metrics(meter.exposition().decode())
    assert found.by("operation", "facilitator_storage_failures_total") == {"claim": 1}
    assert found.value("facilitator_storage_seconds_count", operation="claim") == 1
    assert found.value("facilitator_storage_seconds_count", operation="ping") == 1


def test_without_a_meter_it_is_the_very_storage() -> None:
    storage = MemoryStorage()
    assert timed_storage(storage, NO_METER) is storage
