"""Files that are removed, replaced or cut while processes use them.

Two processes on two logs would each deliver the success.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation
from facilitator_sqlite.storage import SqliteStorage
from support.sqlite_actor import MOMENTS, Process
from support.sqlite_files import complaint, run_sql
from support.sqlite_knife import CRASHES, INJURIES, REMOVALS

PAID, OTHER = "c1" * 32, "c2" * 32


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[], Process]]:
    """Start processes on the same file, which end with the test."""
    with ExitStack() as stack:

        def one() -> Process:
            process = Process(path)
            stack.callback(process.kill)
            return process

        yield one


# --- A process that has it open ---------------------------------------------------------------


def calls(storage: SqliteStorage) -> list[Callable[[], Any]]:
    claim = example_claim(transaction_id=f"{7:064x}")
    return [
        lambda: storage.claim(claim.transaction_id),
        lambda: storage.add_claim(example_claim()),
        lambda: storage.change_claim(claim.changed(state=ClaimState.SUBMITTED)),
        lambda: storage.remove_claim(claim),
        storage.open_claims,
        lambda: storage.forget_claims(0.0),
        lambda: storage.reserve(example_reservation(), now=0.0, limit=1),
        lambda: storage.release("c1" * 32),
        lambda: storage.is_reserved("c1" * 32, now=0.0),
        lambda: storage.bind_key("key", "value", expires_at=1.0, now=0.0),
        lambda: storage.bound_to("key", now=0.0),
        lambda: storage.lead("cardano:preprod", "one", now=0.0, until=1.0),
        lambda: storage.change_claim_and_hold(claim.changed(), example_reservation(), 0.0),
        storage.ping,
    ]


@pytest.mark.parametrize("injury", INJURIES)
@pytest.mark.parametrize("first", [0, 1, 6, 13])
def test_it_is_noticed_at_once_and_for_good(path: Path, injury: str, first: int) -> None:
    """Whatever is asked of the storage first, and whatever is put right afterwards."""
    with closing(SqliteStorage(str(path))) as storage:
        storage.add_claim(example_claim(transaction_id=f"{7:064x}"))
        every = calls(storage)
        INJURIES[injury](path)
        if "mark" in injury:  # what changes no claim goes on until health is asked
            every, first = [calls(storage)[2], storage.ping], 0
        for call in (every[first], *every):
            with pytest.raises(StorageUnavailable) as caught:
                call()
            assert str(path) in caught.value.detail


def test_a_file_that_comes_back_is_not_trusted(path: Path) -> None:
    """Others may have used another one meanwhile."""
    with closing(SqliteStorage(str(path))) as storage:
        os.replace(f"{path}-wal", f"{path}-away")
        with pytest.raises(StorageUnavailable):
            storage.ping()
        os.replace(f"{path}-away", f"{path}-wal")
        with pytest.raises(StorageUnavailable, match="its -wal or -shm was"):
            storage.ping()


@pytest.mark.parametrize("injury", INJURIES)
def test_every_process_notices(start: Callable[[], Process], path: Path, injury: str) -> None:
    """Each one by itself; all of them end as they should."""
    processes = [start() for _ in range(3)]
    assert [each.ask(f"deliver {PAID}") for each in processes] == ["delivered", "not", "not"]
    INJURIES[injury](path)
    assert [each.ask("ping") for each in processes] == ["refused"] * 3
    assert [each.ask(f"deliver {OTHER}") for each in processes] == ["refused"] * 3
    for each in processes:
        each.close()


def test_other_programs_may_use_the_file_too(start: Callable[[], Process], path: Path) -> None:
    """SQLite's own command removes what the last to close removes, and shortens the log."""
    one = start()
    for number, statement in enumerate(
        ["SELECT count(*) FROM claims", "PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM"]
    ):
        assert one.ask(f"deliver {number:064x}") == "delivered"
        run_sql(path, statement)
        assert one.ask("ping") == "works"
        two = start()
        assert two.ask(f"deliver {number:064x}") == "not"
        two.close()
    one.close()
    run_sql(path, "SELECT count(*) FROM claims")
    assert start().ask(f"deliver {0:064x}") == "not"


def test_a_log_that_another_program_shortens_all_the_time_is_whole(path: Path) -> None:
    """While it is written to and looked at."""
    with closing(SqliteStorage(str(path))) as storage, ThreadPoolExecutor(1) as pool:
        done = threading.Event()

        def shorten() -> int:
            times = 0
            while not done.is_set():
                run_sql(path, "PRAGMA busy_timeout = 50", "PRAGMA wal_checkpoint(TRUNCATE)")
                times += 1
            return times

        shortening = pool.submit(shorten)
        try:
            for number in range(300):
                storage.add_claim(example_claim(transaction_id=f"{number:064x}"))
                storage.ping()
        finally:
            done.set()
        assert shortening.result() > 10


# --- A process that starts later --------------------------------------------------------------

HARMLESS = {"mark replaced", "file replaced", "everything replaced", "shm emptied", "file cut"}
"""Another process may start after these: it misses nothing, and the first one works no more."""


@pytest.mark.parametrize("injury", sorted(INJURIES.keys() - HARMLESS - {"everything removed"}))
def test_none_starts_beside_one_that_has_lost_its_files(
    start: Callable[[], Process], path: Path, injury: str
) -> None:
    """Not even before that one has noticed."""
    one = start()
    assert one.ask(f"deliver {PAID}") == "delivered"
    INJURIES[injury](path)
    for _ in range(2):
        assert start().began.startswith("refused")
    assert one.ask(f"deliver {OTHER}") == "refused"


@pytest.mark.parametrize("last", ["forget", "hold"])
def test_none_starts_on_a_log_that_has_lost_its_last_change(
    start: Callable[[], Process], path: Path, last: str
) -> None:
    """It has no mark, or no number at all. What a start wrote behind the gap would hide it."""
    one = start()
    for each in (PAID, OTHER):
        assert one.ask(f"deliver {each}") == "delivered"
    whole = Path(f"{path}-wal").stat().st_size
    assert one.ask(last) in ("forgotten", "held")
    os.truncate(f"{path}-wal", whole)
    for _ in range(2):
        assert start().began.startswith("refused")


@pytest.mark.parametrize("injury", [*REMOVALS, *CRASHES])
def test_what_was_open_is_complete_when_it_was_closed(
    start: Callable[[], Process], path: Path, injury: str
) -> None:
    """The last process to close it folds the log into the file, though that has no name now."""
    processes = [start(), start()]
    assert processes[0].ask(f"deliver {PAID}") == "delivered"
    INJURIES[injury](path)
    assert [each.ask("ping") for each in processes] == ["refused"] * 2
    for each in processes:
        each.close()
    later = start()
    if injury == "all beside it removed":
        assert "its -mark was removed" in later.began
    else:
        assert later.began == "open"
        assert later.ask(f"deliver {PAID}") == "not"


@pytest.mark.parametrize("injury", [None, *INJURIES])
@pytest.mark.parametrize("is_folded", [True, False])
def test_after_a_crash_nothing_is_delivered_twice(
    start: Callable[[], Process], path: Path, injury: str | None, is_folded: bool
) -> None:
    """What was in a log that is gone is missed, and then the file is refused."""
    one = start()
    assert one.ask(f"deliver {PAID}") == "delivered"
    if is_folded:  # everything is in the file itself
        run_sql(path, "PRAGMA wal_checkpoint")
    if injury:
        INJURIES[injury](path)
    one.kill()
    later = start()
    if injury == "everything removed":  # an empty storage: the chain shows what it lacks
        assert later.began == "open"
    elif later.began == "open":
        assert later.ask(f"deliver {PAID}") in ("not", "refused")
    assert later.began == "open" or injury


@pytest.mark.parametrize("first", [f"claim {7:064x}", "forget"])
def test_a_log_that_is_cut_behind_a_change_without_a_mark_is_missed(
    start: Callable[[], Process], path: Path, first: str
) -> None:
    """The file has all, but the older pages in what is left of the log come before it."""
    one = start()
    assert one.ask(f"deliver {OTHER}") == "delivered"
    run_sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert one.ask(first) in ("claimed", "forgotten")
    left = Path(f"{path}-wal").stat().st_size
    assert one.ask(f"deliver {PAID}") == "delivered"
    run_sql(path, "PRAGMA wal_checkpoint")
    os.truncate(f"{path}-wal", left)
    one.kill()
    assert "has lost its newest records" in start().began


def test_a_crash_and_a_tool_that_folds_the_log_lose_nothing(
    start: Callable[[], Process], path: Path
) -> None:
    """The last to close the file, which here is SQLite's own command, removes the log."""
    one = start()
    assert one.ask(f"deliver {PAID}") == "delivered"
    one.kill()
    run_sql(path, "SELECT count(*) FROM claims")
    assert not Path(f"{path}-wal").exists()
    later = start()
    assert later.began == "open"
    assert later.ask(f"deliver {PAID}") == "not"


def test_a_file_that_lost_records_is_refused_until_the_operator_takes_it(
    start: Callable[[], Process], path: Path
) -> None:
    """The complaint says what is missing, and stays; leaving WAL mode by hand overrules it."""
    one = start()
    assert one.ask(f"deliver {PAID}") == "delivered"
    one.kill()
    Path(f"{path}-wal").unlink()
    for _ in range(2):
        assert "has lost its newest records, or a -wal that had them was removed" in complaint(path)
    Path(f"{path}-mark").unlink()
    assert "its -mark was removed" in complaint(path)
    run_sql(path, "PRAGMA journal_mode = DELETE")
    SqliteStorage(str(path)).close()


def test_a_file_that_was_closed_can_be_moved_alone(path: Path) -> None:
    with closing(SqliteStorage(str(path))) as storage:
        storage.add_claim(example_claim())
    moved = path.with_name("moved.db")
    path.rename(moved)
    with closing(SqliteStorage(str(moved))) as storage:
        assert storage.claim("c1" * 32) == example_claim()


def test_a_copy_of_a_file_in_use_is_refused(path: Path) -> None:
    """It lacks what the log has, or will have: a success could be delivered by both."""
    copy = path.with_name("copy.db")
    with closing(SqliteStorage(str(path))):
        copy.write_bytes(path.read_bytes())
    assert "was not closed, and its -mark was removed" in complaint(copy)


# --- Just then --------------------------------------------------------------------------------

HIDDEN = {"wal cut"}
"""Injuries that a write can hide. What was lost by them is missed by the next process to start."""


@pytest.mark.parametrize(
    ("moment", "then"),
    [*((each, "killed") for each in MOMENTS), *(("checked", then) for then in ("closed", "alive"))],
)
@pytest.mark.parametrize("injury", INJURIES)
def test_no_moment_is_left_for_two_successes(
    start: Callable[[], Process], moment: str, injury: str, then: str
) -> None:
    """The files are injured while a success is written; other processes start afterwards."""
    one = start()
    assert one.ask(f"claim {PAID}") == "claimed"
    assert one.ask(f"plant {moment} {injury}") == "planted"
    answers = [one.ask(f"deliver {PAID}")]
    if moment == "checked":
        assert answers == ["delivered"]
    elif injury not in HIDDEN:
        assert answers[0] in ("refused", "")
    if then == "killed":
        one.kill()
    elif then == "closed" and answers[0]:
        one.close()
    answers += [start().ask(f"deliver {PAID}") for _ in range(2)]
    if then == "alive" and answers[0]:
        answers.append(one.ask(f"deliver {OTHER}"))
        assert answers.pop() == "refused" or injury in HIDDEN or injury in CRASHES
    if injury != "everything removed":  # an empty storage: the chain shows what it lacks
        assert answers.count("delivered") <= 1


@pytest.mark.parametrize("injury", [*REMOVALS, "wal emptied", "file emptied"])
def test_a_crowd_that_loses_its_files_delivers_nothing_twice(
    start: Callable[[], Process], path: Path, injury: str
) -> None:
    """Processes compete for each success, are killed, and others start in their place."""
    delivered = Counter[str]()
    crowd = [start() for _ in range(3)]
    for strike_at in (3, 12, 0, 7):
        for number in range(20):
            if number == strike_at:
                INJURIES[injury](path)
            for each in crowd:
                delivered[f"{number:064x}"] += each.ask(f"deliver {number:064x}") == "delivered"
        crowd[0].kill()
        crowd = [each for each in (start(), *crowd[1:], start()) if each.began == "open"]
        for each in crowd[:2]:
            each.kill()
        crowd = [each for each in (start(), start()) if each.began == "open"]
        if not crowd:
            break
    assert set(delivered.values()) <= {0, 1}
    assert delivered.total() >= 3
