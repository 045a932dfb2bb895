"""Redis has the claims and another plugin the payment ledger, which may be away for a while."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.clock import SystemClock
from facilitator.plugin import ClaimState, Delivery, PaymentLedger
from facilitator.testing.http import call
from facilitator.testing.payments import transaction_id
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger import SqliteLedger
from support import postgres_servers, redis_servers
from support.postgres_servers import PostgresServer, needs_postgres
from support.postgres_storages import open_postgres_ledger
from support.redis_servers import needs_redis
from support.redis_storages import open_redis
from workers.fleet import Fleet, payment

pytestmark = needs_redis


class InFile:
    """The ledger in an SQLite file. It is away while another program keeps it from writing."""

    def __init__(self, path: Path) -> None:
        self.environ = {
            "FACILITATOR_PLUGINS": "blockfrost,redis,sqlite",
            "FACILITATOR_SQLITE__STORAGE": "false",
            "FACILITATOR_SQLITE__PATH": str(path),
        }
        self._path = path
        self._holder: sqlite3.Connection | None = None

    def open(self) -> PaymentLedger:
        return SqliteLedger(Database(str(self._path), busy_seconds=30.0))

    def go_away(self) -> None:
        self._holder = sqlite3.connect(self._path, isolation_level=None)
        self._holder.execute("BEGIN IMMEDIATE")

    def come_back(self) -> None:
        assert self._holder is not None
        self._holder.close()


class InPostgres:
    """The ledger in PostgreSQL, which can be killed and started again."""

    def __init__(self, server: PostgresServer) -> None:
        self.environ = {
            "FACILITATOR_PLUGINS": "blockfrost,redis,postgres",
            "FACILITATOR_POSTGRES__STORAGE": "false",
            "FACILITATOR_POSTGRES__URL": server.url,
        }
        self._server = server
        self.go_away = server.kill
        self.come_back = server.start

    def open(self) -> PaymentLedger:
        return open_postgres_ledger(self._server.url)


class Shop:
    """One facilitator over a devnet that makes blocks on demand, and those who look at it."""

    def __init__(self, stack: ExitStack, folder: Path, kept: InFile | InPostgres) -> None:
        self._stack, self._folder, self.kept = stack, folder, kept
        self._redis = stack.enter_context(redis_servers.running(folder / "redis"))
        self._devnet = stack.enter_context(closing(Devnet(NETWORK, SystemClock())))
        self._api = stack.enter_context(BlockfrostApi(self._devnet))
        self.start()

    def start(self) -> None:
        environ = {**self.kept.environ, "FACILITATOR_REDIS__URL": self._redis.url}
        self.fleet = self._stack.enter_context(closing(Fleet(self._folder, self._api, environ)))
        assert self.fleet.port

    def kill(self) -> None:
        """End all of its processes at once."""
        for each in (self.fleet.process.pid, *self.fleet.workers):
            os.kill(each, signal.SIGKILL)
        self.fleet.wait()

    def settle(self, body: dict[str, Any]) -> None:
        """Settle it until it succeeds."""

        def has_succeeded() -> bool:
            self._devnet.produce_block()
            return bool(self._ask(body)["success"])

        eventually(has_succeeded)

    def begin(self, body: dict[str, Any]) -> None:
        """Submit it, and go."""
        assert self._ask(body)["errorReason"] == "settlement_pending"

    def _ask(self, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = call(self.fleet.port, "POST", "/settle", body, {"Prefer": "wait=1"})
        assert status == 200, answer
        return dict(answer)

    def health(self) -> tuple[int, str, str, str | None]:
        """The status of the answer, of all, and of the ledger, and what is wrong with that."""
        status, answer = call(self.fleet.port, "GET", "/health")
        ledger = answer["dependencies"]["ledger"]
        return status, answer["status"], ledger["status"], ledger.get("error")

    def agree(self, *bodies: dict[str, Any]) -> bool:
        """Whether the ledger's last event of each payment shows the claim as it is."""
        with (
            closing(open_redis(self._redis.url)) as storage,
            closing(self.kept.open()) as ledger,
        ):
            for body in bodies:
                claim = storage.claim(transaction_id(body))
                assert claim is not None
                events = ledger.events(claim.transaction_id)
                if [each.version for each in events] != list(range(1, claim.version + 1)):
                    return False
                last = events[-1]
                if (last.state, last.delivery) != (claim.state, claim.delivery):
                    return False
            return storage.count_changes() == 0

    def is_paid(self, body: dict[str, Any]) -> bool:
        with closing(self.kept.open()) as ledger:
            found = ledger.payment(transaction_id(body))
        assert found is not None
        return (found.state, found.delivery) == (ClaimState.SETTLED, Delivery.DELIVERED)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=needs_postgres)])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        if request.param == "sqlite":
            yield Shop(stack, tmp_path, InFile(tmp_path / "ledger.db"))
        else:
            server = stack.enter_context(postgres_servers.running())
            yield Shop(stack, tmp_path, InPostgres(server))


def test_a_ledger_that_is_away_delays_no_payment_and_misses_none(shop: Shop) -> None:
    before, meanwhile = payment(0), payment(1)
    shop.settle(before)
    eventually(lambda: shop.agree(before))
    assert shop.health() == (200, "healthy", "up", None)
    shop.kept.go_away()
    shop.settle(meanwhile)

    def is_said() -> bool:
        """Each process finds it out by itself."""
        *states, why = shop.health()
        says = "changes of payments wait for the payment ledger: " in str(why)
        return states == [200, "degraded", "down"] and says

    eventually(is_said)
    shop.kept.come_back()
    eventually(lambda: shop.agree(before, meanwhile))
    assert shop.is_paid(meanwhile)
    eventually(lambda: shop.health() == (200, "healthy", "up", None))


def test_changes_that_no_ledger_has_yet_outlive_the_process(shop: Shop) -> None:
    """It is killed between the change and its event; the ledger is away at its next start, too."""
    settled, pending = payment(0), payment(1)
    shop.kept.go_away()
    shop.settle(settled)
    shop.begin(pending)
    shop.kill()
    shop.kept.come_back()
    assert not shop.agree(settled, pending)
    shop.start()
    eventually(lambda: shop.agree(settled, pending))
    assert shop.is_paid(settled)
    shop.settle(pending)
    eventually(lambda: shop.agree(settled, pending))
    assert shop.is_paid(pending)


@needs_postgres
def test_a_ledger_may_be_away_at_the_start(tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(postgres_servers.running())
        server.kill()
        shop = Shop(stack, tmp_path, InPostgres(server))
        body = payment(0)
        shop.settle(body)
        assert shop.fleet.said("until then payments wait in the storage for their ledger")
        server.start()
        eventually(lambda: shop.agree(body))
