"""A short run with channels, and short ones with a bug planted: what is charged is redeemed."""

from pathlib import Path

import pytest

from channel_chaos.campaign import Campaign, Size
from channel_chaos.world import World
from support.extras import needs_plutus

pytestmark = needs_plutus

SEED = 20_261_130


def test_what_is_charged_is_redeemed(tmp_path: Path) -> None:
    size = Size(channels=5, vouchers=60, kills=4, rollbacks=3, closes=2)
    with World(tmp_path) as world:
        campaign = Campaign(world, size, SEED)
        assert campaign.run() == []
    assert campaign.redeemed == campaign.served >= 60 * 998
    assert world.counts["shops killed"] + world.counts["redeemers killed"] == 4


@pytest.mark.parametrize(
    ("bug", "sign"),
    [
        ("accept_twice", "was charged, and"),
        ("lose_a_record", "was charged, and"),
        ("claim_a_stale_voucher", "was charged, and"),
        ("forget_what_is_rolled_back", "closed, and not settled"),
        ("miss_a_close", "closed, and not settled"),
    ],
)
def test_a_planted_bug_is_found(tmp_path: Path, bug: str, sign: str) -> None:
    size = Size(channels=2, vouchers=12, kills=0, rollbacks=0, closes=0, processes=1, turns=20)
    with World(tmp_path, bug=bug, is_light=True) as world:
        violations = Campaign(world, size, SEED).run()
    assert any(sign in each for each in violations), violations
