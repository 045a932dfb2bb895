"""Hours of a busy mainnet in minutes: what a fleet asks of its provider and of its storage.

    PYTHONPATH=tests:tests/system python benchmarks/mainnet.py [--storage sqlite]
        [--provider blockfrost] [--replicas 10] [--in-flight 1000] [--blocks 60] [--confirmations 8]

The replicas are whole facilitators without HTTP in front, in this process. Each has an upstream of
its own, the devnet's API over HTTP, all on one chain: full blocks each 20 seconds on average, some
of which are left for another fork. As many callers as settlements are to be in flight verify a
payment, settle it until they have the success, and begin again. Time is simulated
(``virtual_time``): delays are those that the program chooses. At the end the checker of the tests
of faults holds the history to what is promised.
"""

import argparse
import json
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

from mainnet_callers import Callers
from mainnet_chain import NETWORK, Change, Mainnet
from mainnet_fleet import TAKEN_OVER, Fleet, cpu_by_thread
from virtual_time import VirtualTime

from chaos.checker import check
from chaos.history import Call, History
from facilitator_devnet.devnet import Devnet
from support.shared_storages import shared_storage

FOLLOWING = ("GET /blocks", "GET /tip", "POST /block_tx_cbor")
"""Beginnings of the endpoints that follow the chain."""
PER_BLOCK = ("follower", "advance", "settlement")
"""The threads whose work comes with the blocks: following, writing, looking for what is open."""
FORKS_ASKED_FOR = {5: 1, 9: 2, 13: 3}
"""The blocks before which a fork comes in each run, with its depth."""
POLL_SECONDS = 20.0


class Sample(NamedTuple):
    """Sums at the time of a block."""

    calls: int
    operations: int
    cpu: float
    """Seconds that the threads used whose work comes with the blocks."""


class Interval(NamedTuple):
    """What there was between two blocks."""

    depth: int
    """The depth of the fork that it began with."""
    used: Sample


class Simulation:
    """One fleet on one storage, through so many blocks."""

    def __init__(self, stack: ExitStack, arguments: argparse.Namespace) -> None:
        self._clock = VirtualTime(time.time() // 60 * 60)
        self._clock.take_over(TAKEN_OVER)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        storage = arguments.storage
        environ = stack.enter_context(shared_storage(storage, folder))
        devnet = Devnet(NETWORK, self._clock)
        stack.callback(devnet.close)
        self._mainnet = Mainnet(devnet, self._clock, arguments.seed, arguments.others)
        self.fleet = Fleet(
            stack,
            arguments.replicas,
            arguments.provider,
            devnet,
            self._clock,
            {"storage": storage, "FACILITATOR_SQLITE__PATH": str(folder / "db"), **environ},
            folder,
        )
        self.callers = Callers(
            self.fleet.replicas,
            devnet,
            self._clock,
            arguments.confirmations,
            arguments.in_flight,
        )
        self._blocks = arguments.blocks
        self.intervals: list[Interval] = []
        self.in_flight: list[int] = []
        self.changes: list[Change] = []

    def run(self) -> None:
        """Let so many blocks come, and then as many as the last settlements need."""
        self.callers.start()
        self._clock.sleep(self._mainnet.until_next())
        for number in range(self._blocks):
            before = self._sample()
            change = self._mainnet.advance(FORKS_ASKED_FOR.get(number))
            self.changes.append(change)
            self._clock.sleep(self._mainnet.until_next())
            self.intervals.append(Interval(change.depth, _less(self._sample(), before)))
            self.in_flight.append(self.callers.in_flight)
        self.callers.stop()
        while self.callers.in_flight:
            self._clock.sleep(self._mainnet.until_next())
            self._mainnet.advance(0)
        self.callers.join()

    def history(self) -> History:
        calls = self.callers.calls
        transactions = list(dict.fromkeys(call.transaction for call in calls))
        return History(
            calls,
            self._mainnet.events,
            self.fleet.states(transactions),
            elsewhere=frozenset(_others(self._mainnet, transactions)),
            verdicts=self.callers.verdicts,
        )

    def _sample(self) -> Sample:
        replicas = self.fleet.replicas
        threads = cpu_by_thread()
        return Sample(
            sum(sum(each.calls().values()) for each in replicas),
            sum(sum(each.operations.values()) for each in replicas),
            sum(threads.get(name, 0.0) for name in PER_BLOCK),
        )

    def report(self, history: History, cpu: Mapping[str, float]) -> dict[str, Any]:
        """What was measured, as figures by name."""
        replicas = self.fleet.replicas
        settled = [call for call in history.calls if call.is_success]
        calls: Counter[str] = Counter()
        for each in replicas:
            calls += each.calls()
        following = sum(number for name, number in calls.items() if name.startswith(FOLLOWING))
        operations: Counter[str] = Counter()
        for each in replicas:
            operations += each.operations
        all_blocks = self._mainnet.devnet.tip().height
        late = [_lateness(history, call) for call in settled]
        work = sum(cpu.get(name, 0.0) for name in PER_BLOCK)
        return {
            "replicas": len(replicas),
            "blocks": all_blocks,
            "settled": len(settled),
            "in flight": median(self.in_flight),
            "bytes a block": fmean(each.filled for each in self.changes),
            "bytes a block by Ogmios": fmean(each.by_ogmios for each in self.changes),
            "transactions a block": fmean(each.transactions for each in self.changes),
            "forks": dict(self._mainnet.forks),
            "calls at the start": sum(each.calls_at_start.total() for each in replicas),
            "calls a block": following / all_blocks,
            "calls a payment": (sum(calls.values()) - following) / len(settled),
            "calls by replica": [sum(each.calls().values()) for each in replicas],
            "received a block": sum(each.upstream.received for each in replicas) / all_blocks,
            "operations a block and replica": fmean(each.used.operations for each in self.intervals)
            / len(replicas),
            "operations a payment": sum(operations.values()) / len(settled),
            "operations": dict(operations.most_common()),
            "CPU ms a block and replica": work / all_blocks / len(replicas) * 1000,
            "CPU ms a payment": work / len(settled) * 1000,
            "CPU ms a verify": self.callers.cpu["verify"] / len(history.verdicts) * 1000,
            "CPU ms a settle": self.callers.cpu["settle"] / len(history.calls) * 1000,
            "settle calls a payment": len(history.calls) / len(settled),
            "CPU s by thread": {name: round(used, 2) for name, used in cpu.items() if used > 0.05},
            "fork costs": _costs(self.intervals),
            "seconds from deep enough to the answer": _spread(late),
            "endpoints": dict(calls.most_common()),
        }


def _others(mainnet: Mainnet, ours: Sequence[str]) -> Iterator[str]:
    known = set(ours)
    for event in mainnet.events:
        yield from set(getattr(event, "transactions", ())) - known


def _lateness(history: History, call: Call) -> float:
    """Seconds from the moment at which it was deep enough to the success."""
    since = history.deep_since(call.transaction, call.confirmations)
    return 0.0 if since is None else max(0.0, call.ended - since)


def _costs(intervals: Sequence[Interval]) -> dict[int, dict[str, float]]:
    """For each depth of a fork the means of what there was until the next block; 0 without one."""
    by_depth: dict[int, list[Sample]] = {}
    for each in intervals:
        by_depth.setdefault(each.depth, []).append(each.used)
    return {
        depth: {
            "number": len(all_used),
            "calls": fmean(each.calls for each in all_used),
            "operations": fmean(each.operations for each in all_used),
            "CPU ms": fmean(each.cpu for each in all_used) * 1000,
        }
        for depth, all_used in sorted(by_depth.items())
    }


def _less(after: Sample, before: Sample) -> Sample:
    return Sample(
        after.calls - before.calls,
        after.operations - before.operations,
        after.cpu - before.cpu,
    )


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": ordered[len(ordered) // 2],
        "p99": ordered[int(0.99 * (len(ordered) - 1))],
        "most": ordered[-1],
    }


def simulate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one simulation; return what was measured."""
    with ExitStack() as stack:
        simulation = Simulation(stack, arguments)
        before = cpu_by_thread()
        simulation.run()
        used = {name: cpu - before.get(name, 0.0) for name, cpu in cpu_by_thread().items()}
        history = simulation.history()
        verdict = check(history, stale_seconds=2 * POLL_SECONDS + 5)
        return {
            "storage": arguments.storage,
            "provider": arguments.provider,
            **simulation.report(history, used),
            "violations": [str(each) for each in verdict.violations],
        }


def main() -> None:
    """Read the command line, run, and print."""
    parser = argparse.ArgumentParser(description="A fleet through hours of a busy mainnet")
    parser.add_argument(
        "--storage", choices=("memory", "sqlite", "redis", "postgres"), default="sqlite"
    )
    parser.add_argument("--provider", choices=("blockfrost", "koios"), default="blockfrost")
    parser.add_argument("--replicas", type=int, default=10)
    parser.add_argument("--in-flight", type=int, default=1000)
    parser.add_argument("--blocks", type=int, default=60)
    parser.add_argument("--confirmations", type=int, default=8)
    parser.add_argument("--others", type=float, default=0.6, help="others' part of each block")
    parser.add_argument("--seed", type=int, default=1)
    logging.basicConfig(level=logging.ERROR)
    print(json.dumps(simulate(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
