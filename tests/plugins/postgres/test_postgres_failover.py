"""A server that is lost, paused, read-only or followed by its standby."""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim
from facilitator.testing.storage.outage import calls_of
from facilitator.testing.waiting import eventually
from support.postgres_servers import (
    USER,
    PostgresServer,
    needs_postgres,
    replicated,
    running,
)
from support.postgres_storages import open_postgres
from support.proxies import proxy
from support.redis_calls import at_last, works

pytestmark = needs_postgres

READ_ONLY = "ALTER SYSTEM SET default_transaction_read_only = {}"


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with running() as server:
        yield server


def test_no_call_fails_after_a_restart(server: PostgresServer) -> None:
    """All connections that were open are dead, and each call may be made once more."""
    with closing(open_postgres(server.url)) as storage:
        claim = storage.add_claim(example_claim())
        server.kill()
        server.start()
        assert storage.change_claim(claim.changed(state=ClaimState.SUBMITTED))
        for name, call in calls_of(storage).items():
            assert works(call), name


def test_an_outage_and_its_end_are_logged_once(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "facilitator.postgres")
    with closing(open_postgres(server.url)) as storage:
        storage.ping()
        caplog.clear()  # it has warned of the server's settings
        server.kill()
        for _ in range(5):
            with pytest.raises(StorageUnavailable, match="cannot be reached") as caught:
                storage.claim("c1" * 32)
            assert "127.0.0.1" not in str(caught.value)
        server.start()
        at_last(storage.ping)
    away, again = (record.getMessage() for record in caplog.records)
    assert away.endswith("start it, or correct postgres.url")
    assert again == f"PostgreSQL at 127.0.0.1:{server.port} takes changes again"


def test_a_server_that_hangs_is_not_waited_for(server: PostgresServer) -> None:
    """The first call waits for its time, the others fail at once until it answers."""
    with closing(open_postgres(server.url, timeout_seconds=1.0)) as storage:
        storage.ping()
        server.pause()
        with pytest.raises(StorageUnavailable, match="does not answer in time"):
            storage.claim("c1" * 32)
        assert not works(storage.ping)
        server.resume()
        at_last(storage.ping)


def test_a_server_that_is_read_only_is_named_until_it_is_not(server: PostgresServer) -> None:
    """As after a failover behind one name: it answers SQLSTATE 25006."""
    with closing(open_postgres(server.url)) as storage:
        storage.ping()
        server.run(READ_ONLY.format("on"))
        server.run("SELECT pg_reload_conf()")
        eventually(lambda: not works(storage.ping))
        with pytest.raises(StorageUnavailable, match="is not ready") as caught:
            storage.add_claim(example_claim())
        assert "is a standby, or read-only" in caught.value.detail
        server.run(READ_ONLY.format("off"))
        server.run("SELECT pg_reload_conf()")
        at_last(storage.ping)


def test_a_standby_takes_over() -> None:
    """Of the hosts in the URL the one that takes changes is used; nothing confirmed is lost."""
    with replicated() as (primary, standby):
        hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
        with closing(open_postgres(f"postgresql://{USER}@{hosts}/postgres")) as storage:
            claim = storage.add_claim(example_claim())
            primary.kill()
            with pytest.raises(StorageUnavailable, match=r"is not ready|cannot be reached"):
                storage.ping()
            standby.promote()
            standby.run("ALTER SYSTEM RESET synchronous_standby_names")
            standby.run("SELECT pg_reload_conf()")
            assert at_last(lambda: storage.claim(claim.transaction_id)) == claim
            at_last(lambda: storage.change_claim(claim.changed(owner="second")))


def test_a_change_that_no_standby_has_is_not_confirmed() -> None:
    """Whoever ends its wait for the standby turns it into a success, with a warning."""
    with replicated() as (primary, standby), ExitStack() as stack:
        storage = stack.enter_context(closing(open_postgres(primary.url)))
        claim = storage.add_claim(example_claim())
        changed = claim.changed(owner="second")
        standby.kill()
        calls: list[Callable[[], object]] = [
            lambda: storage.change_claim(changed),
            lambda: storage.change_claim(changed),  # it is there now
            lambda: storage.add_claim(changed),
        ]
        for call in calls:
            assert "its standby may not have" in _outcome_of_a_cancelled(primary, call)


def _outcome_of_a_cancelled(primary: PostgresServer, call: Callable[[], object]) -> str:
    """Make the call, and cancel it where it waits for a standby; return the operator's sentence."""

    def cancel() -> bool:
        primary.run(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        )
        return called.done()

    with ThreadPoolExecutor(1) as pool:
        called = pool.submit(_once_let_through, call)
        eventually(cancel)
        error = called.exception()
    assert isinstance(error, StorageUnavailable), error
    return error.detail


def _once_let_through(call: Callable[[], object]) -> object:
    """Make it when the circuit lets it through after the failure before."""
    outcomes: list[object] = []

    def is_let_through() -> bool:
        try:
            outcomes.append(call())
        except StorageUnavailable as error:
            if error.__cause__ is None:
                return False
            raise
        return True

    eventually(is_let_through)
    return outcomes[0]


def test_a_call_that_is_given_up_keeps_no_connection_of_the_server() -> None:
    """What waits for a standby that is away would wait for as long as that is."""
    with replicated() as (primary, standby), ExitStack() as stack:
        storage = stack.enter_context(closing(open_postgres(primary.url, timeout_seconds=1.0)))
        storage.claim("c1" * 32)
        standby.kill()
        with pytest.raises(StorageUnavailable, match="does not answer in time"):
            storage.add_claim(example_claim())
        count = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        eventually(lambda: primary.run(count) == [(0,)])


def test_a_lock_that_another_holds_is_not_waited_for_without_end(
    server: PostgresServer,
) -> None:
    with (
        closing(open_postgres(server.url)) as storage,
        closing(open_postgres(server.url, timeout_seconds=1.0)) as other,
        storage._database.connections.connect() as connection,
        connection.transaction(),
    ):
        connection.execute("LOCK TABLE x402.claims")
        with pytest.raises(StorageUnavailable, match="does not answer in time"):
            other.add_claim(example_claim())


def test_a_lost_connection_in_the_middle_changes_nothing_twice(server: PostgresServer) -> None:
    """Each is cut before its answer, and made again by itself."""
    with proxy(server.port) as name:
        url = f"postgresql://{USER}@127.0.0.1:{name.port}/postgres"
        with closing(open_postgres(url)) as storage:
            for number in range(5):
                claim = storage.add_claim(example_claim(transaction_id=f"{number:064x}"))
                server.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'x402-facilitator'"
                )
                assert storage.change_claim(claim.changed(owner="second"))
            assert {claim.version for claim in storage.open_claims()} == {1}


def test_many_threads_survive_a_restart(server: PostgresServer) -> None:
    with closing(open_postgres(server.url, timeout_seconds=5.0, connections=3)) as storage:
        with ThreadPoolExecutor(16) as pool:
            calls = [pool.submit(storage.ping) for _ in range(50)]
            server.kill()
            for call in calls:
                with suppress(StorageUnavailable):
                    call.result()
        server.start()
        at_last(storage.ping)


def test_a_former_server_that_is_closed_to_us_is_left(server: PostgresServer) -> None:
    """Its connections stay open, and it has lost the tables; the name leads to another."""
    with running() as heir, proxy(server.port) as name:
        with closing(open_postgres(heir.url)) as there:
            there.ping()
        url = f"postgresql://{USER}@127.0.0.1:{name.port}/postgres"
        with closing(open_postgres(url)) as storage:
            storage.ping()
            name.lead_to(heir.port)
            server.run("DROP SCHEMA x402 CASCADE")
            assert not works(lambda: storage.add_claim(example_claim()))
            assert storage.add_claim(example_claim()) == example_claim()
