"""``facilitator serve`` on a clock that is wrong, so many seconds ahead as its argument says.

What a killed process leaves is waited for less long than an operator would.
"""

import sys

from facilitator.testing.clock import skew_system_clock

LEASE_SECONDS = 2.0
"""The length of a leader's lease here."""

if __name__ == "__main__":
    ahead = float(sys.argv[1])
    skew_system_clock(lambda: ahead)
    from facilitator.chain import followed_chain, follower
    from facilitator.cli import main
    from facilitator.scripts import pool

    pool.WARM_UP_SECONDS = 3600.0  # no payment here has a script
    vars(followed_chain)["LEASE_SECONDS"] = LEASE_SECONDS
    follower.RENEW_SECONDS = LEASE_SECONDS / 3
    sys.exit(main(["serve"]))
