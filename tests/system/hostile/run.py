"""Malformed requests by the million against ``facilitator serve``.

    PYTHONPATH=tests:tests/system python -m hostile.run --requests 1000000 --seed 1 [--workers 2]

Bodies, headers, paths, methods, framing, pipelines, slow and cut connections, from a seed; valid
payments are verified and settled all the while. Exits with 1 if a request is answered with 5xx or
with anything but well-formed HTTP, a known reason and JSON; if a secret or the inside shows in an
answer or the log; if the log has an error; if a valid request fails; or if the server holds more
in the end than it did after the first tenth (memory, files, connections) or at the start (threads).
"""

import argparse
import asyncio
import math
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from facilitator.x402.reasons import Reason
from hostile.campaign import Campaign, Tally
from hostile.judge import Judge
from hostile.target import SECRETS, Figures, Target, attacked

ERRORS = Path(__file__).parents[3] / "docs/reference/errors.md"
REST_SECONDS = 60.0
"""How long connections that are gone may take to be noticed, and threads to find nothing to do."""
GROWTH = 0.10
GROWTH_MB = 32
LATE_THREADS = 32
"""Threads of each process that come up when blocks first have so many settlements to advance."""


def reasons() -> list[str]:
    """All that there are, by the documentation."""
    return [*Reason, *re.findall(r"^\| `(\w+)` \|", ERRORS.read_text(), re.M)]


async def at_rest(target: Target, threads: float = math.inf) -> Figures:
    """What the server holds once it has noticed that nobody is there, and has so few threads."""
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        figures = target.figures()
        if not figures.connections and figures.threads <= threads:
            break
        await asyncio.sleep(0.2)
    return figures


def grown(before: Figures, after: Figures) -> list[str]:
    """What the server holds more than it did."""
    found = [
        f"{name} grew from {getattr(before, name)} to {getattr(after, name)}"
        for name in ("threads", "files", "connections")
        if getattr(after, name) > getattr(before, name)
    ]
    if after.memory_mb > before.memory_mb * (1 + GROWTH) + GROWTH_MB:
        found.append(f"memory grew from {before.memory_mb:.0f} to {after.memory_mb:.0f} MB")
    return found


def show(tally: Tally, judge: Judge, seconds: float) -> None:
    """Print what was sent and answered."""
    rate = tally.requests / seconds
    print(f"{tally.requests} wrong requests in {seconds:.0f} s, {rate:.0f} a second")
    for what, counted in (
        ("sent", tally.sent),
        ("answered", judge.statuses),
        ("reasons", judge.reasons),
    ):
        print(f"{what}:", ", ".join(f"{name} {number}" for name, number in counted.most_common()))
    for name, times in tally.served.items():
        cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
        print(
            f"valid {name}: {len(times)}, median {cuts[49] * 1000:.0f} ms, 99 of 100 within"
            f" {cuts[98] * 1000:.0f} ms, all within {max(times) * 1000:.0f} ms"
        )


def show_figures(when: str, figures: Figures) -> None:
    """Print what the server holds."""
    print(
        f"{when}: {figures.memory_mb:.1f} MB, {figures.threads} threads, {figures.files} files,"
        f" {figures.connections} connections",
        flush=True,
    )


async def attack(
    target: Target, workers: int, *, requests: int, seed: int, slow: int, minutes: float
) -> list[str]:
    """Attack a target of so many workers; what was found."""
    judge = Judge(SECRETS, reasons())
    campaign = Campaign(target, judge, seed=seed, slow=slow, seconds=minutes * 60)
    begun = time.monotonic()
    start = target.figures()
    show_figures("at the start", start)
    threads = start.threads + LATE_THREADS * workers
    for part in range(10):
        await campaign.run((part + 1) * requests // 10 - campaign.tally.requests)
        after = await at_rest(target)
        show_figures(f"after {campaign.tally.requests}", after)
        if part == 0:
            before = after._replace(threads=threads)
    show(campaign.tally, judge, time.monotonic() - begun)
    after = await at_rest(target, threads)
    show_figures("at rest", after)
    return campaign.tally.findings + grown(before, after)


def run(folder: Path, *, workers: int = 1, threads: int | None = None, **how: Any) -> list[str]:
    """Start a facilitator and attack it; what was found."""
    with attacked(folder, workers=workers, threads=threads) as target:
        found = asyncio.run(attack(target, workers, **how))
        server = target.server
    levels = ", ".join(f"{level} {number}" for level, number in sorted(server.levels.items()))
    print("lines of the log by level:", levels)
    return found + [f"log: {line}" for line in server.amiss]


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run; the exit code."""
    parser = argparse.ArgumentParser(description="Malformed requests against the facilitator")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slow", type=int, default=40, help="slow connections of each kind")
    parser.add_argument("--minutes", type=float, default=60, help="after these it ends anyway")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int)
    chosen = vars(parser.parse_args(arguments))
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), **chosen)
    for each in found:
        print("FOUND:", each)
    print(f"{len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
