"""What requests by channel cost a facilitator over HTTP, beside `exact`, and how long a demo takes.

    python benchmarks/channels.py [--vouchers 2000] [--connections 16]

One facilitator process on the first core, with both schemes; a Blockfrost-compatible API and the
clients on the others. Payments by `exact` are of payers never seen (one upstream call each), and
then the same ones again (none). Each voucher is another, of one channel, as a resource server sends
it for each request. All take turns, so that what else the machine does falls on each.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence

import voucher_verdict
from figures import Figure, LeftOut
from harness import NETWORK
from load import Measured, joined, measure
from servers import Servers
from verify_cost import CONNECTIONS, FIRST, KNOWN, TURN, warm_up
from voucher_verdict import BUYER, SCRIPT, make_body, make_constants

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import OutputRef
from facilitator_channels.channel import Validator
from facilitator_channels.datum import SUBBIT
from facilitator_channels.iou import derive_tag
from facilitator_channels.transactions.plan import Ledger, Purse
from facilitator_channels.transactions.steps import open_channel
from facilitator_devnet.genesis import PARAMETERS

PLUGINS = "sqlite,channels"
VOUCHER = "voucher"
PUT_IN, PRICE = 80_000_000, 1_000
REQUESTS = 1_000


def open_one(servers: Servers) -> tuple[bytes, OutputRef]:
    """Open a channel on the devnet; its tag and its output."""
    payer, eras = servers.api.fund(BUYER.name), KNOWN_ERAS[NETWORK]
    ledger = Ledger(PARAMETERS, eras, eras.slot_at(int(time.time() * 1000)), 0)
    purse = Purse(payer.wallet.address, {payer.ref: payer.output})
    tag, validator = derive_tag(payer.ref), Validator(SCRIPT, SUBBIT)
    unsigned = open_channel(make_constants(tag), PUT_IN, payer.ref, validator, purse, ledger)
    raw = unsigned.with_signatures([payer.wallet.sign(unsigned.id)])
    headers = {"Content-Type": "application/cbor", "project_id": "preprodbenchmark"}
    request = urllib.request.Request(f"{servers.api.url}/api/v0/tx/submit", raw, headers)
    urllib.request.urlopen(request).close()
    servers.api.control("POST", "block")
    return tag, OutputRef(unsigned.id, 0)


def measure_requests(servers: Servers, count: int, connections: int) -> dict[str, Measured]:
    """What so many requests of each kind took, by its name."""
    server = servers.facilitator(PLUGINS)
    warm_up(servers, server)
    tag, ref = open_one(servers)
    vouchers = [
        json.dumps(make_body(PRICE * number, tag, ref)[0]).encode()
        for number in range(1, count + 2)
    ]
    measure(server, vouchers[:1], 1)  # the channel's output is at hand from then on
    bodies = servers.bodies(count)
    kinds: dict[str, Sequence[bytes]] = {FIRST: bodies, KNOWN: bodies, VOUCHER: vouchers[1:]}
    turns: dict[str, list[Measured]] = {name: [] for name in kinds}
    for start in range(0, count, TURN):
        for name, of_kind in kinds.items():
            turns[name].append(measure(server, of_kind[start : start + TURN], connections))
    return {name: joined(each) for name, each in turns.items()}


def demo(requests: int) -> tuple[float, float]:
    """The seconds that the demo took, and its CPU seconds in all its processes."""
    before, started = _cpu_of_children(), time.perf_counter()
    words = ["demo", "--channel", "--requests", str(requests)]
    subprocess.run([sys.executable, "-m", "facilitator", *words], check=True, capture_output=True)
    return time.perf_counter() - started, _cpu_of_children() - before


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure | LeftOut]:
    """What a voucher costs: its verdict, its request, and a demo of a thousand."""
    yield from voucher_verdict.figures(quick=quick)
    found = measure_requests(servers, 20 if quick else 2_000, CONNECTIONS)
    voucher = found[VOUCHER]
    for name in (FIRST, KNOWN):
        exact = found[name]
        baseline = f"exact, {name}"
        yield Figure("/verify of a voucher", voucher.cpu_ms, "ms of CPU", baseline, exact.cpu_ms)
        yield Figure("vouchers on one core", voucher.rate, "/s", baseline, exact.rate)
    if quick:
        yield LeftOut("the demo", "a quick run")
        return
    seconds, cpu = demo(REQUESTS)
    yield Figure(f"demo --channel of {REQUESTS:,} requests", seconds, "s", "its CPU", cpu)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What requests by channel cost a facilitator")
    parser.add_argument("--vouchers", type=int, default=2_000)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    given = parser.parse_args()
    with Servers() as servers:
        found = measure_requests(servers, given.vouchers, given.connections)
    for name, each in found.items():
        print(f"{name:<20} {each.cpu_ms:.3f} ms of CPU, {each.rate:.0f} /s")


if __name__ == "__main__":
    main()
