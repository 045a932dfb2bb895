"""What the machinery for plugins costs ``/verify``: over HTTP, beside a server without it.

    python benchmarks/hooks_cost.py [--payments 2000] [--connections 16]

Two facilitators with the built-in plugins, on Blockfrost and SQLite. In the second one every hook
of a payment is left out, and the parts of plugins are called without their border. They take turns,
some hundred requests each: first every payment is verified for the first time, then all of them
again. Payments are each one's own, so that neither gains by what the other has looked up.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from harness import Api, Running, process
from verify_cost import VERIFY, cpu_seconds, facilitator, load, new_folder

from facilitator.cli import main as run_facilitator
from facilitator.plugin import hook_caller
from facilitator.plugin.manager import Plugins

SERVE_BARE = "--serve-bare"
TURN = 250
"""Requests of a turn."""
ROUNDS = 4
"""Times that payments whose inputs are known are verified again."""


def serve_bare() -> None:
    """Serve without the machinery."""
    module: Any = hook_caller
    module.guard = lambda _, part, *__: part
    plugins: Any = Plugins
    plugins.before_verify = lambda *_: None
    plugins.extend_verify = lambda _, __, response: response
    plugins.after_verify = lambda *_: None
    sys.exit(run_facilitator(["serve"]))


def cpu_of(server: Running, bodies: Sequence[bytes], connections: int) -> float:
    """Return the seconds of CPU that the server takes for the requests."""
    before = cpu_seconds(server.pid)
    asyncio.run(load(server.url, bodies, connections, VERIFY))
    return cpu_seconds(server.pid) - before


def compare(
    what: str, servers: Sequence[Running], bodies: Sequence[Sequence[bytes]], connections: int
) -> None:
    """Let the servers take turns; print the milliseconds of each request, and the ratio."""
    seconds = [0.0 for _ in servers]
    number = len(bodies[0])
    for start in range(0, number, TURN):
        for each, server in enumerate(servers):
            turn = bodies[each][start : start + TURN]
            seconds[each] += cpu_of(server, turn, connections)
    usual, bare = (each / number * 1000 for each in seconds)
    print(f"{what:<20} {usual:>8.3f} {bare:>8.3f} {usual / bare:>8.3f}", flush=True)


def run(payments: int, connections: int) -> None:
    """Start both, and compare them."""
    first, *others = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, others or [first])
    with ExitStack() as stack:
        devnet = ["devnet", "--listen", "127.0.0.1:0", "--block-seconds", "20"]
        api = Api(stack.enter_context(process(devnet, {}, new_folder(stack))).url)
        environ = facilitator(api, "blockfrost,sqlite")
        servers = [
            stack.enter_context(process([command], environ, new_folder(stack), script=script))
            for command, script in (("serve", None), (SERVE_BARE, __file__))
        ]
        for server in servers:
            for thread in os.listdir(f"/proc/{server.pid}/task"):
                os.sched_setaffinity(int(thread), [first])
        bodies = [
            [api.fund(f"{name} {each}").body() for each in range(payments)]
            for name in ("usual", "bare")
        ]
        print(f"{'ms of CPU':<20} {'usual':>8} {'bare':>8} {'ratio':>8}")
        compare("payers never seen", servers, bodies, connections)
        again = [list(each) * ROUNDS for each in bodies]
        compare("inputs known", servers, again, connections)


def main() -> None:
    """Read the command line and run."""
    if sys.argv[1:] == [SERVE_BARE]:
        serve_bare()
        return
    parser = argparse.ArgumentParser(description="What the machinery for plugins costs /verify")
    parser.add_argument("--payments", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    run(arguments.payments, arguments.connections)


if __name__ == "__main__":
    main()
