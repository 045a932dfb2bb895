"""The stores of channels' records keep their contract, in real files and on real servers."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.store import ChannelStore, Records, StoreUnavailable
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.seller.stores.postgres import PostgresStore
from facilitator_channels.seller.stores.redis import RedisStore
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_channels.seller.testing import ChannelStoreContract, charge_one, example_record
from support.postgres_servers import PostgresServer, needs_postgres
from support.proxies import proxy
from support.redis_servers import RedisServer, needs_redis, running


class TestMemoryStore(ChannelStoreContract):
    @pytest.fixture
    def open_store(self) -> Callable[[], ChannelStore]:
        store = MemoryStore()
        return lambda: store


class TestSqliteStore(ChannelStoreContract):
    @pytest.fixture
    def open_store(self, tmp_path: Path) -> Callable[[], ChannelStore]:
        return lambda: SqliteStore(str(tmp_path / "channels.db"))


@needs_redis
class TestRedisStore(ChannelStoreContract):
    @pytest.fixture
    def open_store(self, keeping_redis: RedisServer, fresh_name: str) -> Callable[[], ChannelStore]:
        return lambda: RedisStore(f"redis://127.0.0.1:{keeping_redis.port}", fresh_name)


@needs_postgres
class TestPostgresStore(ChannelStoreContract):
    @pytest.fixture
    def open_store(
        self, channels_postgres: PostgresServer, fresh_name: str
    ) -> Callable[[], ChannelStore]:
        return lambda: PostgresStore(channels_postgres.url, fresh_name)


OF_OTHERS = {
    "PGHOSTADDR": "192.0.2.1",  # libpq connects to it, whatever host the address names
    "PGUSER": "nobody",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGSSLMODE": "verify-full",
    "PGREQUIREAUTH": "scram-sha-256",
}
"""Variables that a web server may have for databases of its own."""


@needs_postgres
@pytest.mark.parametrize("name", OF_OTHERS)
def test_a_variable_of_libpq_changes_nothing_and_is_told(
    channels_postgres: PostgresServer,
    fresh_name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    monkeypatch.setenv(name, OF_OTHERS[name])
    with closing(PostgresStore(channels_postgres.url, fresh_name)) as store:
        Records(store).change("11" * 32, charge_one)
        assert store.read("11" * 32) is not None
    assert os.environ[name] == OF_OTHERS[name], "it is the web server's"
    told = [each.message for each in caplog.records if "environment" in each.message]
    is_in_address = name == "PGUSER"
    assert [name in each for each in told] == ([] if is_in_address else [True])


@needs_postgres
def test_a_service_of_libpq_adds_nothing(
    channels_postgres: PostgresServer,
    fresh_name: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    services = tmp_path / "services"
    services.write_text("[shop]\nsslmode=verify-full\ntarget_session_attrs=standby\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    monkeypatch.setenv("PGSERVICE", "shop")
    with closing(PostgresStore(channels_postgres.url, fresh_name)) as store:
        Records(store).change("11" * 32, charge_one)


@needs_postgres
@pytest.mark.parametrize("url", ["postgresql://h/x?no=1", "postgresql://h:port/x"])
def test_what_is_no_address_is_no_store(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        PostgresStore(url)


class TestTheFile:
    def test_only_its_owner_may_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "channels.db"
        with closing(SqliteStore(str(path))):
            assert path.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("path", ["", ":memory:"])
    def test_a_store_without_a_file_is_refused(self, path: str) -> None:
        with pytest.raises(StoreUnavailable, match="name one"):
            SqliteStore(path)

    def test_the_file_of_another_program_is_left_alone(self, tmp_path: Path) -> None:
        path = str(tmp_path / "other.db")
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE theirs (x)")
        with pytest.raises(StoreUnavailable, match="another program's"):
            SqliteStore(path)
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]

    @pytest.mark.parametrize("is_replaced", [True, False])
    def test_a_change_of_a_file_that_is_gone_fails(self, tmp_path: Path, is_replaced: bool) -> None:
        path = tmp_path / "channels.db"
        with closing(SqliteStore(str(path))) as store:
            kept = path.with_name("kept.db")
            path.rename(kept)
            if is_replaced:
                path.write_bytes(b"")
            with pytest.raises(StoreUnavailable):
                Records(store).change("11" * 32, charge_one)

    def test_a_child_process_may_not_use_it(self, tmp_path: Path) -> None:
        with closing(SqliteStore(str(tmp_path / "channels.db"))) as store:
            if (child := os.fork()) == 0:
                try:
                    store.read("11" * 32)
                except StoreUnavailable:
                    os._exit(7)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@needs_redis
class TestTheRedisServer:
    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            (("--appendonly", "no"), "set appendonly to yes"),
            (("--appendonly", "yes"), "set appendfsync to always"),
            (
                ("--appendonly", "yes", "--appendfsync", "always",
                 "--maxmemory-policy", "allkeys-lru"),
                "set maxmemory-policy to noeviction",
            ),
        ],
    )  # fmt: skip
    def test_a_server_that_may_lose_records_is_refused(
        self, tmp_path: Path, options: tuple[str, ...], complaint: str
    ) -> None:
        with (
            running(tmp_path / "server", *options) as server,
            pytest.raises(StoreUnavailable, match=complaint),
        ):
            RedisStore(f"redis://127.0.0.1:{server.port}")

    def test_a_lost_reply_of_a_change_doubles_nothing(
        self, keeping_redis: RedisServer, fresh_name: str
    ) -> None:
        with proxy(keeping_redis.port) as line:
            url = f"redis://127.0.0.1:{line.port}"
            with closing(RedisStore(url, fresh_name)) as store:
                assert_lost_replies_double_nothing(store, lambda: setattr(line, "losses", 1))
                assert line.losses == 0


@needs_postgres
class TestThePostgresServer:
    def test_a_lost_reply_of_a_change_doubles_nothing(
        self, channels_postgres: PostgresServer, fresh_name: str
    ) -> None:
        with proxy(channels_postgres.port) as line:
            url = channels_postgres.url.replace(str(channels_postgres.port), str(line.port))
            with closing(PostgresStore(url, fresh_name, connections=1)) as store:
                assert_lost_replies_double_nothing(store, lambda: setattr(line, "losses", 1))
                assert line.losses == 0

    def test_a_table_whose_name_needs_quotes_is_refused(self) -> None:
        with pytest.raises(ValueError, match="small letters"):
            PostgresStore("postgresql://127.0.0.1:1/postgres", "channels; drop")

    def test_the_password_is_in_no_error(self) -> None:
        with pytest.raises(StoreUnavailable) as caught:
            PostgresStore("postgresql://me:hunter2@127.0.0.1:1/postgres", timeout_seconds=0.2)
        assert "hunter2" not in str(caught.value)


class _LosesReplies:
    """A store whose next change is made, and its reply lost."""

    def __init__(self, store: ChannelStore, lose: Callable[[], None]) -> None:
        self.read = store.read
        self.scan = store.scan
        self.close = store.close
        self._store = store
        self._lose = lose
        self.is_next = True

    def replace(
        self, channel_id: str, old: bytes | None, new: bytes | None, *, durable: bool
    ) -> bool:
        if self.is_next:
            self.is_next = False
            self._lose()
        return self._store.replace(channel_id, old, new, durable=durable)


def assert_lost_replies_double_nothing(store: ChannelStore, lose: Callable[[], None]) -> None:
    """A step knows what it has done by an id that it leaves in the record."""
    lossy = _LosesReplies(store, lose)
    ran = 0

    def step(_: ChannelRecord | None) -> tuple[ChannelRecord, str]:
        nonlocal ran
        ran += 1
        return example_record(charged=1), "charged"

    assert Records(lossy).change("11" * 32, step) == "charged"
    assert ran == 2
    assert Records(store).read("11" * 32) == example_record(charged=1)
