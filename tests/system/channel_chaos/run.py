"""``PYTHONPATH=tests:tests/system python -m channel_chaos.run --help``."""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

from channel_chaos.bugs import BUGS
from channel_chaos.campaign import Campaign, Size
from channel_chaos.world import World


def main() -> int:
    """Run as the arguments say; the exit code, 1 when something is wrong."""
    parser = argparse.ArgumentParser(
        description="Compare what channels redeem with what is charged."
    )
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--channels", type=int, default=200)
    parser.add_argument("--vouchers", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rollbacks", type=int, default=60)
    parser.add_argument("--closes", type=int, default=60)
    parser.add_argument("--store", default="", help="URL of the store (default: a file of SQLite)")
    parser.add_argument(
        "--light",
        action="store_true",
        help="by a validator that accepts everything, and costs less",
    )
    parser.add_argument("--bug", choices=list(BUGS), default="none")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    size = Size(given.channels, given.vouchers, given.kills, given.rollbacks, given.closes)
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        World(Path(folder), given.store, given.bug, is_light=given.light) as world,
    ):
        campaign = Campaign(world, size, given.seed)
        violations = campaign.run()
        counts = ", ".join(f"{count} {what}" for what, count in sorted(world.counts.items()))
    print(f"{counts}; {world.turns} turns in {time.monotonic() - begun:.0f} s")
    used = resource.getrusage(resource.RUSAGE_SELF)
    own = used.ru_utime + used.ru_stime
    print(f"CPU seconds: {world.cpu_seconds:.0f} of the seller, {own:.0f} of all others")
    for each in violations:
        print(f"wrong: {each}")
    print(f"charged {campaign.served}, redeemed {campaign.redeemed} lovelace")
    print(f"{len(violations)} violations", flush=True)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
