"""The sums in the file."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from facilitator_policy.ledger import DAY_SECONDS, Ledger, Spending

ALICE, BOB = b"a" * 28, b"b" * 28


class Now:
    time = 20_000.0 * DAY_SECONDS

    def __call__(self):
        return self.time


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def ledger(tmp_path, now):
    with closing(Ledger(str(tmp_path / "policy.db"), now)) as ledger:
        yield ledger


def spending(transaction, amount, payers=(ALICE,), asset="lovelace"):
    return Spending(transaction, frozenset(payers), asset, amount)


def test_payments_at_once_in_two_processes_stay_below_the_ceiling(tmp_path, now):
    path = str(tmp_path / "policy.db")
    with ExitStack() as stack:
        ledgers = [stack.enter_context(closing(Ledger(path, now))) for _ in range(2)]

        def hold(number):
            return ledgers[number % 2].hold(spending(f"{number}", 3), 10)

        held = stack.enter_context(ThreadPoolExecutor(8)).map(hold, range(16))
        assert sum(held) == 3


def test_several_processes_may_make_the_file_at_once(tmp_path, now):
    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            path = str(tmp_path / f"{number}.db")
            for ledger in pool.map(lambda path: Ledger(path, now), [path] * 4):
                ledger.close()


def test_what_was_never_submitted_is_forgotten(ledger, now, tmp_path):
    for number in range(3):
        assert ledger.hold(spending(f"{number}", 1), 10)
    ledger.keep("0")
    ledger.release("1")
    now.time += 3_700
    assert ledger.hold(spending("3", 1), 10)
    with closing(sqlite3.connect(tmp_path / "policy.db")) as connection:
        kept = connection.execute("SELECT transaction_id FROM payments").fetchall()
    assert kept == [("0",), ("1",), ("3",)]


def test_each_signer_has_a_ceiling_and_a_repeat_counts_once(ledger):
    assert ledger.hold(spending("1", 6, (ALICE, BOB)), 10)
    assert ledger.hold(spending("1", 6, (ALICE, BOB)), 10)
    assert not ledger.hold(spending("2", 5, (BOB,)), 10)
    assert ledger.hold(spending("2", 4, (BOB,)), 10)
    assert ledger.hold(spending("3", 10, (BOB,), "other"), 10)


def test_transactions_without_a_signature_share_a_ceiling(ledger):
    assert ledger.hold(spending("1", 6, ()), 10)
    assert not ledger.hold(spending("2", 6, ()), 10)


def test_amounts_have_more_digits_than_sqlite(ledger):
    assert ledger.hold(spending("1", 10**77), 2 * 10**77)
    assert not ledger.fits(spending("2", 10**77 + 1), 2 * 10**77)


def test_the_next_day_begins_with_nothing(ledger, now):
    assert ledger.hold(spending("1", 10), 10)
    ledger.keep("1")
    assert not ledger.fits(spending("2", 1), 10)
    now.time += DAY_SECONDS
    assert ledger.hold(spending("2", 10), 10)


def test_what_was_submitted_counts_until_it_does_not_land(ledger, now):
    assert ledger.hold(spending("1", 10), 10)
    ledger.keep("1")
    now.time += 3_600
    assert not ledger.fits(spending("2", 1), 10)
    ledger.release("1")
    assert ledger.fits(spending("2", 1), 10)
    ledger.keep("1")  # a block shows it all the same
    assert not ledger.fits(spending("2", 1), 10)


def test_sums_survive_the_process(tmp_path, now):
    path = str(tmp_path / "policy.db")
    with closing(Ledger(path, now)) as ledger:
        ledger.hold(spending("1", 10), 10)
        ledger.keep("1")
    with closing(Ledger(path, now)) as ledger:
        assert not ledger.fits(spending("2", 1), 10)
    assert (tmp_path / "policy.db").stat().st_mode & 0o077 == 0
