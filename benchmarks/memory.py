"""What memory a facilitator keeps after very many verifies of payments that it never saw before.

    python benchmarks/memory.py [--verifies 1000000] [--payers 100] [--storage sqlite]

A facilitator process on Blockfrost, over HTTP. Each payment is a transaction of its own, so that
whatever remembers transactions, payments or requests is filled and has to forget. After each tenth
it prints the resident memory, and last the ratio of the end to the first tenth.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from itertools import count, cycle, islice

from harness import AMOUNT, Payer
from load import VERIFY, load
from processes import resident_mb
from servers import Servers

AT_ONCE = 500
TENTHS = 10


def bodies(payers: Sequence[Payer]) -> "map[bytes]":
    """Return the bodies of payments without end, each over another amount from the same outputs."""
    pairs = zip(cycle(payers), count(AMOUNT), strict=False)
    return map(_body, pairs)


def _body(pair: tuple[Payer, int]) -> bytes:
    payer, amount = pair
    kept = (payer.ref, payer.output)
    body = payer.body(amount=amount)
    payer.ref, payer.output = kept
    return body


def run(verifies: int, payers: int, storage: str) -> None:
    """Start everything, send them, and print the memory."""
    with Servers() as servers:
        server = servers.facilitator(storage)
        every = bodies(servers.payers(payers))
        sizes: list[float] = []
        print(f"{'verifies':>9} {'MB':>7}\n{0:>9} {resident_mb(server.pid):>7.1f}", flush=True)
        for tenth in range(1, TENTHS + 1):
            for begin in range(0, verifies // TENTHS, AT_ONCE):
                some = list(islice(every, min(AT_ONCE, verifies // TENTHS - begin)))
                asyncio.run(load(server.url, some, 8, VERIFY))
            sizes.append(resident_mb(server.pid))
            print(f"{tenth * verifies // TENTHS:>9} {sizes[-1]:>7.1f}", flush=True)
        print(f"the end is {sizes[-1] / sizes[0]:.3f} times the first tenth")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What memory very many verifies leave.")
    parser.add_argument("--verifies", type=int, default=1_000_000)
    parser.add_argument("--payers", type=int, default=100)
    parser.add_argument("--storage", choices=("sqlite", "memory"), default="sqlite")
    given = parser.parse_args(arguments)
    run(given.verifies, given.payers, given.storage)
    return 0


if __name__ == "__main__":
    sys.exit(main())
