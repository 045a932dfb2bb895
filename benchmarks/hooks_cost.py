"""What the machinery for plugins costs ``/verify``: over HTTP, beside a server without it.

    python benchmarks/hooks_cost.py [--payments 2000] [--connections 16]

Two facilitators with the built-in plugins, on Blockfrost and SQLite. In the second one every hook
of a payment is left out, and the parts of plugins are called without their border. They take turns,
some hundred requests each: first every payment is verified for the first time, then all of them
again. Payments are each one's own, so that neither gains by what the other has looked up.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from load import measure
from processes import Running
from servers import Servers
from verify_cost import TURN

from facilitator.cli import main as run_facilitator
from facilitator.plugin import hook_caller
from facilitator.plugin.manager import Plugins

SERVE_BARE = "--serve-bare"
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


def compare(
    what: str, servers: Sequence[Running], bodies: Sequence[Sequence[bytes]], connections: int
) -> None:
    """Let the servers take turns; print the milliseconds of each request, and the ratio."""
    seconds = [0.0 for _ in servers]
    number = len(bodies[0])
    for start in range(0, number, TURN):
        for each, server in enumerate(servers):
            turn = bodies[each][start : start + TURN]
            seconds[each] += measure(server, turn, connections).cpu_seconds
    usual, bare = (each / number * 1000 for each in seconds)
    print(f"{what:<20} {usual:>8.3f} {bare:>8.3f} {usual / bare:>8.3f}", flush=True)


def run(payments: int, connections: int) -> None:
    """Start both, and compare them."""
    with Servers() as servers:
        environ = servers.settings("sqlite")
        pair = [servers.start(["serve"], environ)]
        pair.append(servers.start([SERVE_BARE], environ, script=__file__))
        bodies = [servers.bodies(payments) for _ in pair]
        print(f"{'ms of CPU':<20} {'usual':>8} {'bare':>8} {'ratio':>8}")
        compare("payers never seen", pair, bodies, connections)
        again = [list(each) * ROUNDS for each in bodies]
        compare("inputs known", pair, again, connections)


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
