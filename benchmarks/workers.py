"""What a second worker process adds to the throughput of ``/verify``, over HTTP, on Blockfrost.

    python benchmarks/workers.py [--workers 2] [--rounds 5] [--seconds 4] [--storage sqlite] [--pin]

Two servers that differ in ``server.workers`` only are put under the same load in turn, several
times over, so that what else the machine does hits both. The load takes little CPU itself: ready
bytes over a few connections, the next request when the answer is there. Payments were seen before,
so that nothing is asked upstream. On a machine with as many cores as workers the load, the devnet's
API and whoever else is there take their part of what the workers could use: so the cores are shown
that the workers got and those left idle, and what a request costs a core, which must not rise.
"""

import argparse
import os
import selectors
import socket
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from figures import Aim, Figure
from load import request
from processes import Running, children, cpu_seconds, on_cores
from servers import Servers

TICKS = os.sysconf("SC_CLK_TCK")
VALID = b'"isValid":true'


class Round(NamedTuple):
    """What one server did under load."""

    rate: float
    """Requests a second."""
    cpu_ms: float
    """Milliseconds of CPU of all its processes, for each request."""
    cores: float
    """How many cores it used."""
    load_cores: float
    """How many cores the load used."""
    idle_cores: float
    """How many cores nobody used, whoever else was at work."""
    shares: Sequence[float]
    """Each worker's part of its CPU."""


def idle_seconds() -> float:
    """Time that the machine's cores had nothing to do."""
    return int(Path("/proc/stat").read_text().split()[4]) / TICKS


def post(url: str, requests: "cycle[bytes]", connections: int, seconds: float) -> int:
    """Keep every connection busy for so long; how many requests were answered."""
    host, port = url.removeprefix("http://").split(":")
    answered = 0
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(next(requests))
            selector.register(connection, selectors.EVENT_READ, connection)
        end = time.perf_counter() + seconds
        while selector.get_map():
            for key, _ in selector.select():
                connection = key.data
                # An answer leaves the server in one piece, and is small.
                answer = connection.recv(65536)
                assert VALID in answer, answer
                answered += 1
                if time.perf_counter() < end:
                    connection.sendall(next(requests))
                else:
                    selector.unregister(connection)
    return answered


def measure(
    server: Running, number: int, requests: "cycle[bytes]", connections: int, seconds: float
) -> Round:
    """Put one server of so many workers under load."""
    workers = children(server.pid) if number > 1 else [server.pid]
    before = [cpu_seconds(pid) for pid in workers]
    load_before, idle_before = time.process_time(), idle_seconds()
    started = time.perf_counter()
    answered = post(server.url, requests, connections, seconds)
    elapsed = time.perf_counter() - started
    load = time.process_time() - load_before
    used = [cpu_seconds(pid) - so_far for pid, so_far in zip(workers, before, strict=True)]
    total = sum(used)
    return Round(
        answered / elapsed,
        total / answered * 1000,
        total / elapsed,
        load / elapsed,
        (idle_seconds() - idle_before) / elapsed,
        [each / total for each in used],
    )


def show(workers: int, measured: Round) -> None:
    """Print one line."""
    shares = " ".join(f"{share:.0%}" for share in measured.shares)
    print(
        f"{workers:>8} {measured.rate:>8.0f} {measured.cpu_ms:>8.3f} {measured.cores:>8.2f}"
        f" {measured.load_cores:>8.2f} {measured.idle_cores:>8.2f}   {shares}",
        flush=True,
    )


def start(servers: Servers, workers: int, given: argparse.Namespace) -> Running:
    """A facilitator with so many workers, which may use every core."""
    mark = f"{os.getpid()}_{workers}"
    environ = servers.settings(given.storage) | {
        "FACILITATOR_REDIS__PREFIX": f"benchmark-{mark}",
        "FACILITATOR_REDIS__URL": given.redis_url,
        "FACILITATOR_POSTGRES__SCHEMA": f"benchmark_{mark}",
        "FACILITATOR_POSTGRES__URL": given.postgres_url,
        "FACILITATOR_SERVER__WORKERS": str(workers),
        "FACILITATOR_SERVER__PIN_WORKERS": str(given.pin),
    }
    return servers.start(["serve"], environ, cores=servers.cores)


def run(servers: Servers, given: argparse.Namespace) -> Iterator[tuple[int, Round]]:
    """Yield what each server did in each round, the first of which is for warming up."""
    numbers = dict.fromkeys((1, given.workers))  # one of them, if both are the same
    running = {workers: start(servers, workers, given) for workers in numbers}
    requests = cycle([request(body) for body in servers.bodies(given.payments)])
    with on_cores(servers.cores):
        for number in range(given.rounds + 1):
            for workers, server in running.items():
                measured = measure(server, workers, requests, given.connections, given.seconds)
                if number:
                    yield workers, measured


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure]:
    """What a second worker adds, where any runs on any core, and where each keeps to one."""
    size = "--rounds 1 --seconds 0.1 --payments 16" if quick else "--rounds 3 --seconds 3"
    for given, where in ((size, ""), (f"{size} --pin", ", each kept to a core")):
        yield from _compared(servers, arguments().parse_args(given.split()), where)


def _compared(servers: Servers, given: argparse.Namespace, where: str) -> Iterator[Figure]:
    rounds: dict[int, list[Round]] = {1: [], 2: []}
    for workers, measured in run(servers, given):
        rounds[workers].append(measured)
    for field, what, unit, aim in (
        ("rate", "requests", "/s", Aim(1.8, at_least=True)),
        ("cpu_ms", "a request", "ms of CPU", None),
        ("cores", "cores that the workers got", "cores", None),
    ):
        one, two = (statistics.median(getattr(each, field) for each in rounds[n]) for n in rounds)
        yield Figure(f"two workers{where}, {what}", two, unit, "one worker", one, aim)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="What worker processes add to /verify")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--payments", type=int, default=400)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--storage", choices=("sqlite", "redis", "postgres"), default="sqlite")
    parser.add_argument("--pin", action="store_true", help="keep each to a core")
    parser.add_argument("--redis-url", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--postgres-url", default="postgresql://127.0.0.1:5432/facilitator")
    return parser


def main() -> None:
    """Read the command line, run, and print each round."""
    given = arguments().parse_args()
    names = ("workers", "req/s", "CPU ms", "cores", "load", "idle")
    print(" ".join(f"{name:>8}" for name in names), "  shares")
    rates: dict[int, list[float]] = {1: [], given.workers: []}
    with Servers() as servers:
        for workers, measured in run(servers, given):
            rates[workers].append(measured.rate)
            show(workers, measured)
    one, several = map(statistics.median, rates.values())
    print(f"median of the rounds: {one:.0f} and {several:.0f}, {several / one:.2f} times")


if __name__ == "__main__":
    main()
