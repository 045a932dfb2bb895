"""What the payment ledger costs with many payments in it.

    PYTHONPATH=tests python benchmarks/payment_ledger.py [--payments 1000000] [--in sqlite postgres]

Generates payments over a year by some thousand payers, to some hundred recipients, and records two
changes of each. Then a process of its own opens the ledger, looks a few things up, adds them up,
and reads all of them page by page. It prints seconds, memory, and bytes a payment.
"""

import argparse
import hashlib
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from facilitator.plugin import (
    EVERY_PAYMENT,
    Claim,
    ClaimState,
    PaymentDetails,
    PaymentLedger,
    PaymentQuery,
    Place,
    TotalBy,
)
from facilitator.testing.examples import example_claim
from facilitator_sqlite.database import Database
from facilitator_sqlite.ledger import SqliteLedger
from support.postgres_servers import PostgresServer, running
from support.postgres_storages import open_postgres_ledger

PAYERS, RECIPIENTS, PAGE, AT_ONCE = 5_000, 300, 1_000, 400
YEAR = 365 * 86_400
NONE = (
    ("caller", PaymentQuery(caller="none")),
    ("asset", PaymentQuery(asset="none")),
    ("resource", PaymentQuery(resource="https://none.example/")),
    ("such state", PaymentQuery(states=frozenset({ClaimState.REJECTED}))),
)
"""Filters that no payment matches, and that no index leads to."""
BEGIN = 1_700_000_000.0


def _hash(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=32).hexdigest()


def _address(kind: str, number: int) -> str:
    return f"addr1q{_hash(kind, number)}{_hash(kind, -number)[:28]}"


def changes(payments: int) -> Iterator[Claim]:
    """Yield the changes of so many payments: each submitted, and then settled and delivered."""
    for number in range(payments):
        at = BEGIN + YEAR * number / payments
        details = PaymentDetails(
            pay_to=_address("recipient", number % RECIPIENTS),
            asset="lovelace" if number % 4 else f"{_hash('policy')[:56]}.{b'USDM'.hex()}",
            method="default",
            fee=170_000 + number % 9_000,
            resource=f"https://shop{number % RECIPIENTS}.example/reports/{number % 977}",
            caller=f"shop-{number % 40}",
            client=f"shop-{number % 40}",
            terms={"maxTimeoutSeconds": 300, "extra": {}},
            request_id=_hash("request", number)[:16],
        )
        claim = replace(
            example_claim(),
            transaction_id=_hash("transaction", number),
            state=ClaimState.SUBMITTED,
            payer=_address("payer", number % PAYERS),
            amount=str(1_000_000 + number),
            created_at=at,
            updated_at=at,
            details=details.encode(),
            version=1,
            nonce=_hash("first", number)[:16],
        )
        yield claim
        yield claim.changed(
            state=ClaimState.SETTLED,
            accepted=True,
            block=_hash("block", number // 8),
            block_slot=number * 31,
            block_height=number // 8,
            depth=1,
            updated_at=at + 35,
            answer=b"{}",
            delivered_to=f"shop-{number % 40}",
            delivery_request=_hash("delivery", number)[:16],
        )


def fill(ledger: PaymentLedger, payments: int) -> None:
    """Record them all."""
    every = changes(payments)
    while some := list(islice(every, AT_ONCE)):
        ledger.record(some)


def export(ledger: PaymentLedger) -> int:
    """Read all payments page by page; return their number."""
    place: Place | None = None
    count = 0
    while page := ledger.payments(EVERY_PAYMENT, place, PAGE):
        count += len(page)
        place = Place(page[-1].created_at, page[-1].transaction_id)
    return count


def _memory() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def look(open_: Callable[[], PaymentLedger], payments: int) -> None:
    """Open the ledger as after a start, and time what people do with it."""
    middle = payments // 2
    month = PaymentQuery(since=BEGIN + YEAR / 2, until=BEGIN + YEAR / 2 + 30 * 86_400)
    recipient = PaymentQuery(pay_to=_address("recipient", 7))
    payer = PaymentQuery(payer=_address("payer", 7))
    paid = PaymentQuery(states=frozenset({ClaimState.SETTLED}))
    begun = time.perf_counter()
    ledger = open_()
    _print("open", begun)
    steps: Sequence[tuple[str, Callable[[], object]]] = [
        ("last number", ledger.last_number),
        ("newest 50", lambda: ledger.payments(EVERY_PAYMENT, None, 50)),
        ("50 of a payer", lambda: ledger.payments(payer, None, 50)),
        ("50 of a recipient", lambda: ledger.payments(recipient, None, 50)),
        *((f"50 of no {name}", partial(ledger.payments, none, None, 50)) for name, none in NONE),
        ("show", lambda: ledger.payment(_hash("transaction", middle))),
        ("show its events", lambda: ledger.events(_hash("transaction", middle))),
        ("forget nothing", lambda: ledger.forget_payments(BEGIN)),
    ]
    sums: Sequence[tuple[str, Callable[[], object]]] = [
        ("totals of a month", lambda: ledger.totals(month, [TotalBy.DAY, TotalBy.PAY_TO])),
        ("totals", lambda: ledger.totals(paid, [])),
        ("totals by all", lambda: ledger.totals(paid, list(TotalBy))),
    ]
    _time(steps)
    before = _memory()
    begun = time.perf_counter()
    assert export(ledger) == payments
    _print(f"export in pages of {PAGE}", begun)
    print(f"  memory: {before:.0f} MB before the export, {_memory():.0f} MB after it", flush=True)
    _time(sums)
    ledger.close()


def _time(steps: Sequence[tuple[str, Callable[[], object]]]) -> None:
    for name, step in steps:
        begun, cpu = time.perf_counter(), time.process_time()
        step()
        _print(f"{name} (CPU here {time.process_time() - cpu:.3f} s)", begun)


def _print(name: str, begun: float) -> None:
    print(f"  {name}: {time.perf_counter() - begun:.3f} s", flush=True)


def measure(kind: str, payments: int, folder: Path) -> None:
    """Fill a ledger of the kind, and look at it from another process."""
    print(f"{payments} payments in {kind}", flush=True)
    with ExitStack() as stack:
        server: PostgresServer | None = None
        path = folder / "ledger.db"
        if kind == "postgres":
            server = stack.enter_context(running())

        def open_() -> PaymentLedger:
            if server is not None:
                return open_postgres_ledger(server.url)
            return SqliteLedger(Database(str(path), busy_seconds=30.0))

        begun = time.perf_counter()
        with closing(open_()) as ledger:
            fill(ledger, payments)
        seconds = time.perf_counter() - begun
        print(f"  recorded: {2 * payments / seconds:.0f} changes a second", flush=True)
        if server is None:
            size = path.stat().st_size
        else:
            # What autovacuum does by itself, which the servers of tests leave out.
            server.run("VACUUM (ANALYZE)")
            ((size,),) = server.run(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relname IN ('payments', 'payment_events')"
            )
        print(f"  {int(size) / payments:.0f} bytes a payment", flush=True)
        looking = multiprocessing.get_context("fork").Process(target=look, args=(open_, payments))
        looking.start()
        looking.join()


def main() -> int:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(description="What the payment ledger costs.")
    parser.add_argument("--payments", type=int, default=1_000_000)
    parser.add_argument(
        "--in", dest="kinds", nargs="+", choices=["sqlite", "postgres"], default=["sqlite"]
    )
    given = parser.parse_args()
    for kind in given.kinds:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            measure(kind, given.payments, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
