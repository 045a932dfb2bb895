"""A thousand callers that wait in ``/settle`` at once, in one process.

    python benchmarks/waiting.py [--callers 1000] [--threads 1400] [--storage memory]
        [--same | --stop | --wait 10]

Runs a facilitator on the devnet, which makes blocks on demand. All callers settle at once; when
every payment is in the mempool, memory is read and ``/verify`` and ``/health`` are timed beside the
sleepers; then two blocks are made, or with ``--stop`` the process gets SIGTERM. With ``--same`` all
settle one payment: eight of them wait, the others are answered at once. With ``--wait`` no block
comes, and each waits so many seconds.
"""

import argparse
import asyncio
import contextlib
import io
import json
import math
import os
import signal
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from figures import Figure
from harness import Api
from servers import Servers


async def post(url: str, path: str, body: bytes, wait: float = 75) -> dict[str, Any]:
    """One request on a connection of its own."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Prefer: wait=%d\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (path.encode(), wait, len(body), body)
    )
    answer = await reader.read()
    writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"200", answer
    return dict(json.loads(content))


class Outcome(NamedTuple):
    """The answer to a caller, after how long and when, in seconds."""

    what: str
    after: float
    at: float


async def settle(url: str, body: bytes, wait: float) -> Outcome:
    """Settle, waiting so many seconds."""
    begun = time.monotonic()
    answer = await post(url, "/settle", body, wait)
    ended = time.monotonic()
    what = "success" if answer["success"] else str(answer["errorReason"])
    return Outcome(what, ended - begun, ended)


def in_mempool(api: Api) -> int:
    """How many transactions wait for a block."""
    headers = {"project_id": "preprodbenchmark"}
    count = 0
    for page in range(1, 1000):
        request = urllib.request.Request(f"{api.url}/api/v0/mempool?page={page}", headers=headers)
        with urllib.request.urlopen(request) as answer:
            found = len(json.load(answer))
        count += found
        if found < 100:
            break
    return count


def memory(pid: int) -> tuple[float, int]:
    """MB in use and threads of a process."""
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(lines["VmRSS"].split()[0]) / 1024, int(lines["Threads"])


class Taken(NamedTuple):
    """Milliseconds of answers, in order of size."""

    ms: Sequence[float]

    @property
    def median(self) -> float:
        return self.ms[len(self.ms) // 2]

    def __str__(self) -> str:
        p99 = self.ms[math.ceil(0.99 * len(self.ms)) - 1]
        return f"p50 {self.median:.1f} ms, p99 {p99:.1f} ms, worst {self.ms[-1]:.1f} ms"


async def timed(url: str, path: str, body: bytes | None, times: int) -> Taken:
    """Ask so many times, one after the other."""
    taken = []
    for _ in range(times):
        begun = time.monotonic()
        if body is None:
            await asyncio.to_thread(lambda: urllib.request.urlopen(f"{url}{path}").read())
        else:
            await post(url, path, body)
        taken.append((time.monotonic() - begun) * 1000)
    return Taken(sorted(taken))


class Waited(NamedTuple):
    """What callers that wait cost: memory in MB, and the time of a ``/verify``."""

    at_rest: float
    asleep: float
    alone: Taken
    beside: Taken


async def measure(url: str, pid: int, api: Api, arguments: argparse.Namespace) -> Waited:
    """Have them wait and be answered; print what it took."""
    times = min(300, arguments.callers)
    payers = [api.fund(f"caller {n}") for n in range(1 if arguments.same else arguments.callers)]
    other = api.fund("another caller")
    api.control("POST", "block")
    bodies = [payer.body() for payer in payers]
    beside = other.body()
    at_rest = memory(pid)
    print("start: {:.0f} MB, {} threads".format(*at_rest))
    alone = await timed(url, "/verify", beside, times)
    print("/verify while none waits:", alone)
    begun = time.monotonic()
    calls = [
        asyncio.create_task(settle(url, bodies[n % len(bodies)], arguments.wait or 75))
        for n in range(arguments.callers)
    ]
    during = []
    while True:
        await asyncio.sleep(0.2)
        asked = time.monotonic()
        await asyncio.to_thread(lambda: urllib.request.urlopen(f"{url}/health/live").read())
        during.append(time.monotonic() - asked)
        answered = sum(call.done() for call in calls)
        if answered + await asyncio.to_thread(in_mempool, api) >= len(bodies):
            break
    print(f"{len(bodies)} submitted after {time.monotonic() - begun:.2f} s; {answered} answered")
    print(f"/health/live meanwhile: worst {max(during) * 1000:.0f} ms of {len(during)}")
    await asyncio.sleep(2)
    asleep = memory(pid)
    print("asleep: {:.0f} MB, {} threads".format(*asleep))
    verified = await timed(url, "/verify", beside, times)
    print("/verify beside them:", verified)
    print("/health beside them:", await timed(url, "/health", None, times))
    due = time.monotonic()
    if arguments.stop:
        os.kill(pid, signal.SIGTERM)
    elif not arguments.wait:
        while in_mempool(api):
            api.control("POST", "block")
        due = time.monotonic()
        api.control("POST", "block")
        print("/verify while they wake:", await timed(url, "/verify", beside, times))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    failed = [one for one in outcomes if isinstance(one, BaseException)]
    answers = [one for one in outcomes if not isinstance(one, BaseException)]
    print(Counter(one.what for one in answers))
    print(f"failed: {len(failed)} {failed[:1]}")
    print(f"last answer after {max(one.at for one in answers) - due:.2f} s")
    print(f"longest call: {max(one.after for one in answers):.2f} s")
    if not arguments.stop:
        print("afterwards: {:.0f} MB, {} threads".format(*memory(pid)))
    return Waited(at_rest[0], asleep[0], alone, verified)


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure]:
    """What callers that wait in ``/settle`` cost the process and ``/verify``."""
    size = ["--callers", "5", "--storage", "memory"] if quick else []
    given = parser().parse_args(size)
    with contextlib.redirect_stdout(io.StringIO()):
        found = run(servers, given)
    beside = f"beside {given.callers} callers that wait"
    yield Figure(
        f"/verify {beside}, median", found.beside.median, "ms", "while none waits",
        found.alone.median,
    )  # fmt: skip
    yield Figure(f"memory {beside}", found.asleep, "MB", "at rest", found.at_rest)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--storage", choices=("sqlite", "memory"), default="sqlite")
    parser.add_argument("--same", action="store_true", help="all settle one payment")
    parser.add_argument("--stop", action="store_true", help="SIGTERM instead of blocks")
    parser.add_argument("--wait", type=int, help="no blocks; callers wait so many seconds")
    return parser


def run(servers: Servers, given: argparse.Namespace) -> Waited:
    """Have callers wait in a facilitator on a devnet."""
    added = {"FACILITATOR_SERVER__THREADS": str(given.threads)} if given.threads else {}
    running, api = servers.embedded(given.storage, **added)
    return asyncio.run(measure(running.url, running.pid, api, given))


def main() -> None:
    """Read the command line and run."""
    with Servers() as servers:
        run(servers, parser().parse_args())


if __name__ == "__main__":
    main()
