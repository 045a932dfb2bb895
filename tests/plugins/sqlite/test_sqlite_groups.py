"""Writes that come while others are committed: together in one transaction, each for itself."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from facilitator.pauses import take_turns
from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.waiting import eventually
from facilitator_memory.storage import MemoryStorage
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_files import note_shared
from support.turns import RecordedTurn, pauses_of

MOST = 8
"""Calls in a group."""


class Grouping(SqliteStorage):
    """A storage whose writes can be made to wait, so that they are committed together."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.statements: list[str] = []

    @contextmanager
    def stuck(self) -> Iterator[None]:
        """No write gets through until the block ends."""
        begun, go_on = threading.Event(), threading.Event()

        def wait(connection: sqlite3.Connection) -> None:
            connection.set_trace_callback(self.statements.append)
            begun.set()
            assert go_on.wait(60)

        with ThreadPoolExecutor(1) as pool:
            stuck = pool.submit(self._database.write, wait, durable=False)
            assert begun.wait(60)
            try:
                yield
            finally:
                go_on.set()
            stuck.result()

    def together(self, calls: Sequence[Callable[[], Any]]) -> list[Future[Any]]:
        """What becomes of calls that each write once, grouped in this order."""
        with ThreadPoolExecutor(MOST) as pool:
            with self.stuck():
                made = []
                for call in calls:
                    made.append(pool.submit(call))
                    eventually(lambda: self.waiting() == len(made))
            return made

    def waiting(self) -> int:
        return len(self._database._writer._waiting)

    def run(self, sql: str) -> Any:
        return self._database.write(lambda each: each.execute(sql).fetchone(), durable=False)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Grouping]:
    with closing(Grouping(tmp_path / "facilitator.db")) as storage:
        storage.reserve(example_reservation(), now=0.0, limit=1)  # removes what is over: nothing
        storage.release("c1" * 32)
        yield storage


def adding(
    storage: Storage, numbers: Sequence[int], size: int = 100, **fields: Any
) -> list[Callable[[], Any]]:
    claims = [
        example_claim(transaction_id=f"{number:064x}", transaction=bytes(size), **fields)
        for number in numbers
    ]
    return [partial(storage.add_claim, claim) for claim in claims]


def kept(storage: Storage) -> set[int]:
    return {int(claim.transaction_id, 16) for claim in storage.open_claims()}


def test_those_that_wait_are_committed_at_once(storage: Grouping) -> None:
    made = storage.together(adding(storage, range(MOST), state=ClaimState.SUBMITTED))
    assert [int(each.result().transaction_id, 16) for each in made] == list(range(MOST))
    assert kept(storage) == set(range(MOST))
    # Those of the write that they waited for are the first.
    assert storage.statements.count("COMMIT") == 2
    durable = storage.statements.index("PRAGMA synchronous = FULL")
    assert storage.statements[durable + 1].startswith("BEGIN")


def test_one_that_fails_is_undone_without_the_others(storage: Grouping) -> None:
    key = "INSERT INTO bound_keys VALUES (x'00', 'value', 1.0)"

    def fail_halfway(connection: sqlite3.Connection) -> None:
        connection.execute(key)
        raise ZeroDivisionError

    one, two = adding(storage, range(2))
    first, failed, last = storage.together(
        [one, lambda: storage._database.write(fail_halfway, durable=False), two]
    )
    assert first.result() != last.result()
    assert isinstance(failed.exception(), ZeroDivisionError)
    assert kept(storage) == {0, 1}
    storage.run(key)


def test_when_the_disk_is_full_every_caller_learns_of_it(storage: Grouping) -> None:
    (pages,) = storage.run("PRAGMA page_count")
    storage.run(f"PRAGMA max_page_count = {pages + 10}")
    small, large = adding(storage, [0]), adding(storage, [1], size=100_000)
    for each in storage.together([*small, *large, *adding(storage, [2])]):
        with pytest.raises(StorageUnavailable, match="the disk is full"):
            each.result()
    assert kept(storage) == set()
    small[0]()
    assert kept(storage) == {0}


def test_when_nothing_can_be_committed_every_caller_learns_of_it(storage: Grouping) -> None:
    def prevent(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO child VALUES (1)")  # refused when it is committed

    storage.run("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    storage.run("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    storage._database.write(
        lambda each: each.execute("PRAGMA foreign_keys = ON"), durable=False, is_statement=True
    )
    one, two = adding(storage, range(2))
    made = storage.together([one, lambda: storage._database.write(prevent, durable=False), two])
    for each in made:
        with pytest.raises(StorageUnavailable, match="FOREIGN KEY constraint failed"):
            each.result()
    assert kept(storage) == set()
    assert one().transaction_id == f"{0:064x}"
    assert kept(storage) == {0}


def test_a_damaged_row_is_reported_to_its_caller_alone(storage: Grouping) -> None:
    one, damaged, two = adding(storage, range(3))
    damaged()
    storage.run("UPDATE claims SET record = x'02'")
    first, failed, last = storage.together([one, damaged, two])
    with pytest.raises(StorageUnavailable, match="is damaged"):
        failed.result()
    assert {first.result().transaction_id, last.result().transaction_id} == {
        f"{0:064x}",
        f"{2:064x}",
    }


WRITE_UNTIL_THE_DISK_IS_FULL = """
import resource, sys, threading
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim
from facilitator_sqlite.storage import SqliteStorage

storage = SqliteStorage(sys.argv[1])
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, most))

def write(first):
    try:
        for number in range(first, 100_000, 8):
            storage.add_claim(example_claim(transaction_id=f"{number:064x}"))
            sys.stdout.write(f"{number}\\n")
    except StorageUnavailable:
        sys.stdout.write("unavailable\\n")

threads = [threading.Thread(target=write, args=[first]) for first in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_a_disk_that_fills_up_under_many_threads_loses_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "facilitator.db")
    command = [sys.executable, "-c", WRITE_UNTIL_THE_DISK_IS_FULL, path]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert lines.count("unavailable") == 8
    acknowledged = {int(line) for line in lines if line != "unavailable"}
    assert len(acknowledged) > 30
    with closing(SqliteStorage(path)) as storage:
        # What was not acknowledged may be there or not: each thread's last.
        assert acknowledged <= kept(storage)
        assert len(kept(storage)) <= len(acknowledged) + 8


TRANSACTIONS = st.sampled_from(["t1", "t2", "t3"])
INPUTS = st.sampled_from([["i1"], ["i2"], ["i1", "i2"], ["i3"]])
CLAIM = "c1" * 32


def reserve(
    transaction: str, inputs: Sequence[str], limit: int, pay_to: str = "shop", settles: bool = True
) -> Callable[[Storage], Any]:
    wanted = example_reservation(
        transaction, inputs, payer="payer", expires_at=9.0, pay_to=pay_to, is_settling=settles
    )

    def call(storage: Storage) -> Any:
        refusal = storage.reserve(wanted, now=0.0, limit=limit)
        return (type(refusal), getattr(refusal, "is_settling", getattr(refusal, "held", None)))

    return call


def change(version: int, owner: str) -> Callable[[Storage], Any]:
    changed = example_claim(version=version, owner=owner, state=ClaimState.SUBMITTED)
    return lambda storage: storage.change_claim(changed)


CALLS = st.one_of(
    st.builds(
        reserve,
        TRANSACTIONS,
        INPUTS,
        st.sampled_from([1, 2, 9]),
        st.sampled_from(["shop", "other shop"]),
        st.booleans(),
    ),
    TRANSACTIONS.map(lambda each: lambda storage: storage.release(each)),
    TRANSACTIONS.map(lambda each: lambda storage: storage.cancel(each)),
    st.sampled_from("ab").map(
        lambda owner: lambda storage: storage.add_claim(example_claim(owner=owner)).owner
    ),
    st.builds(change, st.integers(1, 2), st.sampled_from("ab")),
    st.sampled_from("ab").map(
        lambda owner: lambda storage: storage.remove_claim(example_claim(owner=owner))
    ),
    st.sampled_from("ab").map(
        lambda each: lambda storage: storage.bind_key("key", each, expires_at=9.0, now=0.0)
    ),
    st.tuples(st.sampled_from("ab"), st.sampled_from(["a", "b", None])).map(
        lambda pair: lambda storage: storage.change_key("key", *pair, expires_at=9.0)
    ),
)


@settings(max_examples=60)
@example(
    before=[reserve("t1", ["i1"], 9)],
    grouped=[reserve("t2", ["i1"], 9), lambda storage: storage.release("t1")],
)
@example(
    before=[reserve("t1", ["i1", "i2"], 9, settles=False), reserve("t2", ["i3"], 9, settles=False)],
    grouped=[
        reserve("t3", ["i1"], 2, settles=False),
        reserve("t2", ["i3", "i1"], 1, "other shop", settles=False),
        reserve("t2", ["i3"], 0),
        lambda storage: storage.cancel("t2"),
    ],
)
@given(before=st.lists(CALLS, max_size=4), grouped=st.lists(CALLS, min_size=2, max_size=MOST))
def test_a_group_answers_as_if_one_call_came_after_the_other(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[Callable[[Storage], Any]],
    grouped: list[Callable[[Storage], Any]],
) -> None:
    """As the storage in memory, which has no groups."""
    memory = MemoryStorage()
    path = tmp_path_factory.mktemp("group") / "facilitator.db"
    with closing(Grouping(path)) as storage:
        note_shared(path)
        assert [call(storage) for call in before] == [call(memory) for call in before]
        expected = [call(memory) for call in grouped]
        made = storage.together([partial(call, storage) for call in grouped])
        assert [each.result() for each in made] == expected
        assert storage.claim(CLAIM) == memory.claim(CLAIM)


def test_a_request_pauses_while_it_commits(storage: Grouping) -> None:
    """Others may write meanwhile, and join the next commit."""

    def work(look: Callable[[], bool]) -> None:
        storage._database.write(lambda _: look(), durable=False)

    assert pauses_of(work) == [True]


def test_a_request_pauses_while_others_write(storage: Grouping) -> None:
    turn = RecordedTurn()

    def work() -> bool:
        take_turns(turn)
        storage.run("SELECT 1")
        return turn.is_paused

    with ThreadPoolExecutor(1) as thread:
        with storage.stuck():
            working = thread.submit(work)
            eventually(lambda: turn.is_paused)
        assert not working.result()
