"""What counting once costs: where no plugin counts, in memory, and as one of several workers.

    python benchmarks/meter.py [--calls 200000]

A ``/verify`` counts or measures about ten times.
"""

import argparse
import tempfile
import timeit
from pathlib import Path

from facilitator.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS
from facilitator.plugin.context import Worker
from facilitator.roles.metrics import NO_METER, Meter
from facilitator_prometheus.prometheus_meter import PrometheusMeter


def measure(what: str, meter: Meter, calls: int) -> None:
    """Print one line."""

    def count() -> None:
        meter.count(HTTP_REQUESTS, method="POST", route="/verify", status="200")

    def observe() -> None:
        meter.observe(HTTP_SECONDS, 0.0031, method="POST", route="/verify")

    counting, observing = (
        min(timeit.repeat(each, number=calls, repeat=5)) / calls * 1e6 for each in (count, observe)
    )
    print(f"{what:<28} {counting:>8.2f} {observing:>8.2f}")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What counting once costs")
    parser.add_argument("--calls", type=int, default=200_000)
    calls = parser.parse_args().calls
    print(f"{'microseconds':<28} {'count':>8} {'observe':>8}")
    measure("no plugin", NO_METER, calls)
    measure("in memory", PrometheusMeter(None), calls)
    with tempfile.TemporaryDirectory() as folder:
        measure("as one of several workers", PrometheusMeter(Worker(0, Path(folder))), calls)


if __name__ == "__main__":
    main()
