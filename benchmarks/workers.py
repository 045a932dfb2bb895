"""What a second worker process adds to the throughput of ``/verify``, over HTTP, on Blockfrost.

    python benchmarks/workers.py [--workers 2] [--rounds 5] [--seconds 4] [--storage sqlite]

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
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from harness import Api, Running, on_blockfrost, process
from verify_cost import TICKS, cpu_seconds

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


def children(pid: int) -> list[int]:
    """The worker processes of a supervisor."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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


def measure(server: Running, requests: "cycle[bytes]", connections: int, seconds: float) -> Round:
    """Put one server under load."""
    workers = children(server.pid) or [server.pid]
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


def run(arguments: argparse.Namespace) -> None:
    """Start everything, measure, and print the ratio."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        devnet = ["devnet", "--listen", "127.0.0.1:0", "--block-seconds", "20"]
        api = Api(stack.enter_context(process(devnet, {}, folder)).url)
        servers = {}
        for workers in (1, arguments.workers):
            environ = on_blockfrost(api) | {
                "FACILITATOR_PLUGINS": f"blockfrost,{arguments.storage}",
                "FACILITATOR_SQLITE__PATH": str(folder / f"{workers}.db"),
                "FACILITATOR_REDIS__PREFIX": f"benchmark-{os.getpid()}-{workers}",
                "FACILITATOR_REDIS__URL": arguments.redis_url,
                "FACILITATOR_POSTGRES__SCHEMA": f"benchmark_{os.getpid()}_{workers}",
                "FACILITATOR_POSTGRES__URL": arguments.postgres_url,
                "FACILITATOR_SERVER__WORKERS": str(workers),
            }
            servers[workers] = stack.enter_context(process(["serve"], environ, folder))
        payers = [api.fund(f"payer {number}") for number in range(arguments.payments)]
        requests = cycle(
            b"POST /verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            for body in [payer.body() for payer in payers]
        )
        names = ("workers", "req/s", "CPU ms", "cores", "load", "idle")
        print(" ".join(f"{name:>8}" for name in names), "  shares")
        rounds: dict[int, list[Round]] = {workers: [] for workers in servers}
        for number in range(arguments.rounds + 1):
            for workers, server in servers.items():
                measured = measure(server, requests, arguments.connections, arguments.seconds)
                if number:  # the first round is for warming up
                    rounds[workers].append(measured)
                    show(workers, measured)
        one, several = (statistics.median(each.rate for each in rounds[n]) for n in servers)
        print(f"median of the rounds: {one:.0f} and {several:.0f}, {several / one:.2f} times")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What worker processes add to /verify")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--payments", type=int, default=400)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--storage", choices=("sqlite", "redis", "postgres"), default="sqlite")
    parser.add_argument("--redis-url", default="redis://127.0.0.1:6379/0")
    parser.add_argument("--postgres-url", default="postgresql://127.0.0.1:5432/facilitator")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
