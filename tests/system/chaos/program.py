"""``facilitator serve`` on a clock that jumps on command, and perhaps with a bug planted.

``CHAOS_CLOCK`` names the file that holds by how many seconds the clock is wrong, ``CHAOS_BUG`` a
bug of ``bugs.py``. What a killed process leaves is waited for less long than an operator would.
"""

import mmap
import os
import struct
import sys
from pathlib import Path

from facilitator.testing.clock import skew_system_clock


def follow(clock: Path) -> None:
    """Have the time of this process, and of those forked from it, follow the file."""
    with clock.open("rb") as file:
        offset = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    skew_system_clock(lambda: float(struct.unpack("d", offset[:])[0]))


def hurry() -> None:
    from facilitator.chain import followed_chain, follower
    from facilitator.scripts import pool
    from facilitator.server.workers import worker_slot

    vars(followed_chain)["LEASE_SECONDS"] = 3.0
    follower.RENEW_SECONDS = 1.0
    follower._MAX_BACKOFF_SECONDS = 2.0
    worker_slot.MAX_PAUSE_SECONDS = worker_slot.FIRST_PAUSE_SECONDS
    pool.WARM_UP_SECONDS = 3600.0  # no payment here has a script


if __name__ == "__main__":
    follow(Path(os.environ["CHAOS_CLOCK"]))
    hurry()
    if bug := os.environ.get("CHAOS_BUG"):
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from chaos.bugs import BUGS

        BUGS[bug]()
    from facilitator.cli import main

    sys.exit(main(["serve"]))
