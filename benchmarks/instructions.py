"""What a payment costs in instructions, which other programs on the machine do not change.

    python benchmarks/instructions.py [--payments 40] [--storage sqlite]

One facilitator process under valgrind's callgrind, over HTTP, on Blockfrost. As in
``verify_cost.py``, every payment is verified for the first time, then once more, and is then
settled without waiting for its block. They come in batches, of which the median counts: what a
process does from time to time falls into one of them. The counts depend on the build of the
interpreter and of the libraries. Baseline of the same run: the server under the facilitator,
answering a constant.
"""

import argparse
import re
import shutil
import statistics
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from figures import Aim, Figure, LeftOut
from load import SETTLE, VERIFY, measure
from processes import Running
from servers import HERE, Servers
from verify_cost import CONSTANT, FIRST, KNOWN, SETTLED

WARM_UP = 30
"""Payments that are verified before anything is counted."""
BATCH = 8
"""Payments of a batch."""
POLL_SECONDS = "600"
"""Longer than a run, so that no block is read in it."""
AIMS = {FIRST: 2_500.0, KNOWN: 1_350.0}
"""Thousands of instructions."""


class Counted(NamedTuple):
    """A server under callgrind, and where its counts come."""

    server: Running
    folder: Path

    def control(self, *arguments: str) -> None:
        """Have callgrind do something."""
        command = ["callgrind_control", *arguments, str(self.server.pid)]
        subprocess.run(command, check=True, capture_output=True)

    def take(self, bodies: Sequence[bytes], head: bytes) -> float:
        """Thousands of instructions for each of the requests."""
        self.control("-z")
        measure(self.server, bodies, 1, head)
        self.control("-d")
        parts = self.folder.glob("callgrind.out.*.*")
        newest = max(parts, key=lambda each: int(each.suffix[1:]))
        (total,) = re.findall(r"^totals: (\d+)", newest.read_text(), re.MULTILINE)
        return int(total) / len(bodies) / 1000


def start(
    servers: Servers, arguments: Sequence[str], environ: Mapping[str, str], script: str | None
) -> Counted:
    """Start a server under callgrind, which counts nothing yet."""
    folder = servers.new_folder()
    callgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no"]
    callgrind.append(f"--callgrind-out-file={folder}/callgrind.out.%p")
    environ = {**environ, "PYTHONHASHSEED": "0"}
    return Counted(servers.start(arguments, environ, script=script, under=callgrind), folder)


def run(servers: Servers, payments: int, storage: str) -> dict[str, float]:
    """Thousands of instructions for each request, by what was asked."""
    environ = servers.settings(storage) | {"FACILITATOR_BLOCKFROST__POLL_SECONDS": POLL_SECONDS}
    bodies = servers.bodies(WARM_UP + payments)
    constant = start(servers, [], {}, str(HERE / "constant.py"))
    facilitator = start(servers, ["serve"], environ, None)
    steps = [(CONSTANT, constant, VERIFY), (FIRST, facilitator, VERIFY)]
    steps += [(KNOWN, facilitator, VERIFY), (SETTLED, facilitator, SETTLE)]
    for each in (constant, facilitator):
        for _ in range(2):
            measure(each.server, bodies[:WARM_UP], 1)
        each.control("-i", "on")
    counts: dict[str, list[float]] = {what: [] for what, _, _ in steps}
    for first in range(WARM_UP, len(bodies), BATCH):
        for what, counted, head in steps:
            counts[what].append(counted.take(bodies[first : first + BATCH], head))
    return {what: statistics.median(each) for what, each in counts.items()}


def figures(servers: Servers, *, quick: bool) -> Iterator[Figure | LeftOut]:
    """What each path of a payment takes."""
    if quick or shutil.which("valgrind") is None:
        yield LeftOut("instructions", "too long for a quick run" if quick else "needs valgrind")
        return
    found = run(servers, 5 * BATCH, "sqlite")
    for what in (FIRST, KNOWN, SETTLED):
        aim = Aim(AIMS[what], of_ratio=False) if what in AIMS else None
        unit = "thousand instructions"
        yield Figure(what, found[what], unit, CONSTANT, found[CONSTANT], aim)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="What a payment costs in instructions")
    parser.add_argument("--payments", type=int, default=5 * BATCH)
    parser.add_argument("--storage", choices=("sqlite", "memory"), default="sqlite")
    given = parser.parse_args()
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    with Servers() as servers:
        for what, count in run(servers, given.payments, given.storage).items():
            print(f"{what:<30} {count:>8.0f} thousand instructions")


if __name__ == "__main__":
    main()
