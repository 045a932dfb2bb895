"""What a payment, a start and a stored claim cost with few and with many claims in the storage.

    PYTHONPATH=tests python benchmarks/growth.py [--claims 1000 100000 1000000] [--in sqlite redis]

Each storage is filled up to each number of claims, of which some stay open: the first 10,000 as the
facilitator does it, and further ones as copies of these. Then payments go through it, what is over
is forgotten, and it is opened again. It prints CPU time, that of the storage's server included, as
the least of some batches, and bytes a claim; the ratios are to the first number of claims.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

from growth_engines import ENGINES, Engine
from growth_payments import BEGIN, fill, pay, verify

from facilitator.plugin import Storage

BATCHES = 5


@dataclass(frozen=True)
class Figures:
    """What was measured at one number of claims; seconds of CPU."""

    payment: float
    verify: float
    forget: float
    open: float
    record_bytes: float
    """Bytes a claim, without the payment ledger."""
    ledger_bytes: float


class Growth:
    """One storage, filled step by step."""

    def __init__(self, engine: Engine, payments: int, still_open: int, one_by_one: int) -> None:
        """Measure so many payments at each step, with so many claims open.

        The first ``one_by_one`` claims are filled in as the facilitator does it.
        """
        self._one_by_one = one_by_one
        self._engine = engine
        self._payments = payments
        self._numbers = count(1)
        self._filled = 0
        self._storage = engine.open()
        fill(self._storage, self._take(still_open), is_open=True)
        self._open = still_open

    def step(self, claims: int) -> Figures:
        """Fill it up to so many claims, and measure."""
        new = max(0, min(claims, self._one_by_one) - self._filled)
        fill(self._storage, self._take(new))
        self._engine.copy(claims - self._filled - new)
        self._filled = claims
        self._engine.settle()
        ledger, records = self._engine.weigh()
        batches = [self._batch() for _ in range(BATCHES)]
        verifying, paying, forgetting = map(min, zip(*batches, strict=True))
        opening = min(self._seconds(self._reopen) for _ in range(BATCHES))
        return Figures(
            verify=verifying,
            payment=paying,
            forget=forgetting,
            open=opening,
            record_bytes=records / claims,
            ledger_bytes=ledger / claims,
        )

    def _batch(self) -> Sequence[float]:
        """Return seconds for each verified, paid, and forgotten payment."""
        some = self._payments // BATCHES
        steps = [partial(self._each, each, self._take(some)) for each in (verify, pay)]
        return [self._seconds(each) / some for each in (*steps, partial(self._forget, some))]

    def close(self) -> None:
        """Close the storage."""
        self._storage.close()

    def _take(self, count_: int) -> list[int]:
        return [next(self._numbers) for _ in range(count_)]

    def _each(self, step: Callable[[Storage, int], None], numbers: Sequence[int]) -> None:
        for number in numbers:
            step(self._storage, number)

    def _forget(self, expected: int) -> None:
        forgotten = 0
        while removed := self._storage.forget_claims(BEGIN):
            forgotten += removed
        assert forgotten == expected

    def _reopen(self) -> None:
        self._storage.close()
        self._storage = self._engine.open()
        assert len(self._storage.open_claims()) == self._open

    def _seconds(self, work: Callable[[], object]) -> float:
        before = time.process_time() + self._engine.server_seconds()
        work()
        return time.process_time() + self._engine.server_seconds() - before


def show(kind: str, claims: int, figures: Figures, first: Figures) -> None:
    """Print one line."""
    times = (
        f"{value * 1e6:9.0f} {value / base:5.2f}"
        for value, base in (
            (figures.verify, first.verify),
            (figures.payment, first.payment),
            (figures.forget, first.forget),
            (figures.open, first.open),
        )
    )
    bytes_ = f"{figures.record_bytes:8.0f} {figures.ledger_bytes:8.0f}"
    print(f"{kind:<9} {claims:>9} {' '.join(times)} {bytes_}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(description="What growth costs a storage.")
    parser.add_argument("--claims", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--in", dest="kinds", nargs="+", choices=[*ENGINES], default=[*ENGINES])
    parser.add_argument("--payments", type=int, default=1_000, help="measured at each step")
    parser.add_argument("--open", type=int, default=100, help="claims that stay open")
    parser.add_argument("--filled", type=int, default=10_000, help="claims that are no copies")
    given = parser.parse_args(arguments)
    titles = "".join(
        f" {f'{each} µs':>9} ratio" for each in ("verify", "payment", "forget", "open")
    )
    print(f"{'storage':<9} {'claims':>9}{titles} {'bytes':>8} {'ledger':>8}")
    for kind in given.kinds:
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            ENGINES[kind](Path(folder)) as engine,
        ):
            growth = Growth(engine, given.payments, given.open, given.filled)
            first: Figures | None = None
            for claims in sorted(given.claims):
                figures = growth.step(claims)
                first = first or figures
                show(kind, claims, figures, first)
            growth.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
