"""What a payment costs in instructions, which other programs on the machine do not change.

    python benchmarks/instructions.py [--payments 80] [--storage sqlite]

One facilitator process under valgrind's callgrind, over HTTP, on Blockfrost. As in
``verify_cost.py``, every payment is verified for the first time, then once more, and is then
settled without waiting for its block. Two runs differ by some percent.
"""

import argparse
import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness import Api, process
from verify_cost import SETTLE, VERIFY, facilitator, load

WARM_UP = 30
"""Payments that are verified before anything is counted."""
POLL_SECONDS = "600"
"""Longer than a run, so that no block is read in it."""


def counted(folder: Path) -> list[int]:
    """The instructions of each part of the run so far, in order."""
    parts = sorted(folder.glob("callgrind.out.*.*"), key=lambda each: int(each.suffix[1:]))
    return [int(re.findall(r"^totals: (\d+)", each.read_text(), re.MULTILINE)[0]) for each in parts]


def run(payments: int, storage: str, folder: Path) -> None:
    """Run everything, and print thousands of instructions for each request."""
    devnet = ["devnet", "--listen", "127.0.0.1:0", "--block-seconds", POLL_SECONDS]
    valgrind = [
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        f"--callgrind-out-file={folder}/callgrind.out.%p",
    ]
    with process(devnet, {}, folder) as chain:
        api = Api(chain.url)
        environ = {
            **facilitator(api, f"blockfrost,{storage}"),
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": POLL_SECONDS,
            "PYTHONHASHSEED": "0",
        }
        with process(["serve"], environ, folder, under=valgrind) as server:
            bodies = [api.fund(f"payer {each}").body() for each in range(WARM_UP + payments)]

            def control(*arguments: str) -> None:
                command = ["callgrind_control", *arguments, str(server.pid)]
                subprocess.run(command, check=True, capture_output=True)

            def post(requests: Sequence[bytes], head: bytes = VERIFY) -> None:
                asyncio.run(load(server.url, requests, 1, head))

            post(bodies[:WARM_UP])
            post(bodies[:WARM_UP])
            control("-i", "on")
            for head in (VERIFY, VERIFY, SETTLE):
                control("-z")
                post(bodies[WARM_UP:], head)
                control("-d")
            names = ("payers never seen", "inputs known", "settled")
            for name, count in zip(names, counted(folder), strict=True):
                print(f"{name:<20} {count / payments / 1000:>8.0f} thousand instructions")


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What a payment costs in instructions")
    parser.add_argument("--payments", type=int, default=80)
    parser.add_argument("--storage", choices=("sqlite", "memory"), default="sqlite")
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    with tempfile.TemporaryDirectory() as folder:
        run(arguments.payments, arguments.storage, Path(folder))


if __name__ == "__main__":
    main()
