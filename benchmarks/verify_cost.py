"""What a payment costs the server: CPU, latency and memory, over HTTP, on Blockfrost.

    python benchmarks/verify_cost.py [--payments 5000] [--connections 16] [--storage sqlite]

One facilitator process on the first core; the devnet's Blockfrost-compatible API and the clients
on the others. First every payment is verified for the first time (one upstream call each), then the
same ones again (nothing upstream), both once more by a process that counts for Prometheus; then
each is settled (one upstream call, and those that follow it), without waiting for its block.
Baseline of the same run: the same server answering a constant to the same requests, which is what
waitress itself costs.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness import Api, Running, on_blockfrost, process

TICKS = os.sysconf("SC_CLK_TCK")
SERVE_CONSTANT = "--serve-constant"
PENDING = "settlement_pending"
VERIFY = b"POST /verify HTTP/1.1\r\n"
SETTLE = b"POST /settle HTTP/1.1\r\nPrefer: wait=0\r\n"


def cpu_seconds(pid: int) -> float:
    """User and system time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    """Memory that the process holds, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def client(url: str, requests: "list[bytes]", times: list[float]) -> None:
    """Send requests over one connection, one after the other, until none is left."""
    host, port = url.removeprefix("http://").split("/")[0].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    while requests:
        started = time.perf_counter()
        writer.write(requests.pop())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        times.append(time.perf_counter() - started)
        assert answer.get("isValid") or answer.get("errorReason") == PENDING, answer
    writer.close()


async def load(url: str, bodies: Sequence[bytes], connections: int, head: bytes) -> list[float]:
    """Post every body; seconds that each answer took."""
    requests = [
        b"%sHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (head, len(body), body)
        for body in reversed(bodies)
    ]
    times: list[float] = []
    await asyncio.gather(*(client(url, requests, times) for _ in range(connections)))
    return sorted(times)


def measure(
    what: str, server: Running, bodies: Sequence[bytes], connections: int, head: bytes = VERIFY
) -> float:
    """Print one line; milliseconds of CPU for each request."""
    pid = server.pid
    before = cpu_seconds(pid)
    started = time.perf_counter()
    times = asyncio.run(load(server.url, bodies, connections, head))
    seconds = time.perf_counter() - started
    cpu = (cpu_seconds(pid) - before) / len(bodies) * 1000
    p50, p99 = times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
    print(
        f"{what:<28} {cpu:>8.3f} {len(bodies) / seconds:>9.0f} {p50:>8.2f} {p99:>8.2f}"
        f" {p99 / p50:>6.1f} {resident_mb(pid):>8.0f}",
        flush=True,
    )
    return cpu


def facilitator(api: Api, plugins: str) -> Mapping[str, str]:
    """Environment of a facilitator with these plugins."""
    return on_blockfrost(api) | {"FACILITATOR_PLUGINS": plugins}


def new_folder(stack: ExitStack) -> Path:
    """A folder that is removed at the end."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory()))


def run(arguments: argparse.Namespace) -> None:
    """Start everything, measure, and print the ratios."""
    first, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [first])
    with ExitStack() as stack:
        folder = new_folder(stack)
        devnet = ["devnet", "--listen", "127.0.0.1:0", "--block-seconds", "20"]
        api = Api(stack.enter_context(process(devnet, {}, folder)).url)
        plugins = f"blockfrost,{arguments.storage}"
        server, counting = (
            stack.enter_context(process(["serve"], facilitator(api, each), new_folder(stack)))
            for each in (plugins, f"{plugins},prometheus")
        )
        constant = stack.enter_context(process([SERVE_CONSTANT], {}, folder, script=__file__))
        for pid in (server.pid, counting.pid, constant.pid):
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), [first])
        payers = [api.fund(f"payer {number}") for number in range(arguments.payments)]
        bodies = [payer.body() for payer in payers]
        print(
            f"{'':<28} {'CPU ms':>8} {'req/s':>9} {'p50 ms':>8} {'p99 ms':>8}"
            f" {'ratio':>6} {'MB':>8}"
        )
        connections = arguments.connections
        bare = measure("waitress, a constant", constant, bodies, connections)
        unseen = measure("payers never seen", server, bodies, connections)
        known = measure("inputs known", server, bodies, connections)
        counted = measure("never seen, counting", counting, bodies, connections)
        again = measure("inputs known, counting", counting, bodies, connections)
        settled = measure("settled", server, bodies, connections, SETTLE)
        print(f"verified once and settled: {unseen + settled:.3f} ms")
        print(f"of waitress: never seen {unseen / bare:.1f} times, known {known / bare:.1f} times")
        print(
            f"of not counting: never seen {counted / unseen:.2f}, known {again / known:.2f} times"
        )


def serve_constant() -> None:
    """The server under the facilitator, with an app that only reads the request."""
    from facilitator.server import Server
    from facilitator.settings import ServerSettings

    def app(environ: Mapping[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        environ["wsgi.input"].read()
        answer = b'{"isValid":true}'
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
        start_response("200 OK", headers)
        return [answer]

    server = Server(app, ServerSettings(port=0), network="cardano:preprod")
    print(server.url, flush=True)
    server.run()


def main() -> None:
    """Read the command line and run."""
    if sys.argv[1:] == [SERVE_CONSTANT]:
        serve_constant()
        return
    parser = argparse.ArgumentParser(description="What a payment costs the server")
    parser.add_argument("--payments", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--storage", choices=("sqlite", "memory"), default="sqlite")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
