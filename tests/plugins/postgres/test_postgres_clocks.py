"""Processes and servers whose clocks differ: what one has made lasts for its length."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from facilitator.roles.storage import ReservedElsewhere
from facilitator.testing.examples import example_reservation
from facilitator_postgres.storage import PostgresStorage
from support.postgres_servers import PostgresServer, needs_postgres
from support.postgres_storages import open_postgres

pytestmark = needs_postgres

HOUR = 3600.0
SERVER = 1_000_000.0


@pytest.fixture
def set_clock(postgres_server: PostgresServer, schema: str) -> Callable[[float], None]:
    """Set the clock of the server, as the functions of the schema see it."""

    def set_clock(now: float) -> None:
        postgres_server.run(
            f"CREATE OR REPLACE FUNCTION {schema}.server_now() RETURNS double precision"
            f" LANGUAGE sql VOLATILE AS 'SELECT {now}::double precision'"
        )

    return set_clock


@pytest.fixture
def two(
    postgres_server: PostgresServer, schema: str, set_clock: Callable[[float], None]
) -> Iterator[tuple[PostgresStorage, PostgresStorage]]:
    """Two processes."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(closing(open_postgres(postgres_server.url, schema)))
            for _ in range(2)
        ]
        set_clock(SERVER)
        yield opened[0], opened[1]


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_hold_lasts_for_its_length_whatever_the_clocks_say(
    two: tuple[PostgresStorage, PostgresStorage], set_clock: Callable[[float], None], ahead: float
) -> None:
    one, other = two
    there = SERVER + ahead
    one.reserve(example_reservation("one", ["aa#0"], expires_at=there + 100), there, 9)
    rival = example_reservation("two", ["aa#0"], expires_at=SERVER + 500)
    set_clock(SERVER + 40)
    held = other.reserve(rival, SERVER + 40, 9)
    assert held == ReservedElsewhere("aa#0", "one", SERVER + 100, is_settling=True)
    assert other.is_reserved("one", SERVER + 99)
    set_clock(SERVER + 100)
    assert not other.is_reserved("one", SERVER + 100)
    assert other.reserve(rival, SERVER + 100, 9) is None


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_key_is_bound_for_its_length_whatever_the_clocks_say(
    two: tuple[PostgresStorage, PostgresStorage], set_clock: Callable[[float], None], ahead: float
) -> None:
    one, other = two
    there = SERVER + ahead
    one.bind_key("key", "first", there + 100, there)
    set_clock(SERVER + 99)
    assert other.bind_key("key", "second", SERVER + 500, SERVER + 99) == "first"
    set_clock(SERVER + 100)
    assert other.bound_to("key", SERVER + 100) is None
    assert other.bind_key("key", "second", SERVER + 500, SERVER + 100) == "second"
    assert one.bound_to("key", there + 100) == "second"


def test_the_clock_that_made_a_hold_ends_it(
    two: tuple[PostgresStorage, PostgresStorage],
) -> None:
    """Though the server's stands still."""
    one, _ = two
    one.reserve(example_reservation("one", ["aa#0"], expires_at=SERVER + 100), SERVER, 9)
    assert not one.is_reserved("one", SERVER + 100)
    rival = example_reservation("two", ["aa#0"], expires_at=SERVER + 500)
    assert one.reserve(rival, SERVER + 100, 9) is None


def test_a_new_primary_whose_clock_is_behind_prolongs_no_hold_for_long(
    two: tuple[PostgresStorage, PostgresStorage], set_clock: Callable[[float], None]
) -> None:
    one, other = two
    one.reserve(example_reservation("one", ["aa#0"], expires_at=SERVER + 100), SERVER, 9)
    set_clock(SERVER - HOUR)
    rival = example_reservation("two", ["aa#0"], expires_at=SERVER + 500)
    assert isinstance(other.reserve(rival, SERVER, 9), ReservedElsewhere)
    set_clock(SERVER - HOUR + 100)
    assert other.reserve(rival, SERVER + 100, 9) is None


def test_the_servers_time_is_that_of_its_clock(
    two: tuple[PostgresStorage, PostgresStorage],
) -> None:
    assert two[0].server_time() == SERVER


def test_what_is_over_is_removed_by_later_calls(
    postgres_server: PostgresServer,
    schema: str,
    two: tuple[PostgresStorage, PostgresStorage],
    set_clock: Callable[[float], None],
) -> None:
    one, _ = two
    for number in range(60):
        name = f"{number}"
        one.reserve(example_reservation(name, [name], name, expires_at=SERVER + 1), SERVER, 9)
        one.bind_key(name, "value", SERVER + 1, SERVER)
    set_clock(SERVER + 10)
    for number in range(2):
        last = example_reservation(f"last {number}", [f"z{number}"], expires_at=SERVER + 500)
        one.reserve(last, SERVER, 9)
        one.bind_key(f"last {number}", "value", SERVER + 500, SERVER)
    for table in ("holds", "held_inputs", "keys"):
        assert postgres_server.run(f"SELECT count(*) FROM {schema}.{table}") == [(2,)], table
