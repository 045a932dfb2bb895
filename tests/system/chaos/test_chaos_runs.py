"""A short run on each kind of storage, always of the same plan."""

from pathlib import Path

import pytest

from chaos.campaign import Campaign
from chaos.checker import check
from chaos.plan import plan
from support.redis_servers import needs_redis

SEED = 20_261_125


@pytest.mark.parametrize(
    ("storage", "payments", "kills"),
    [pytest.param("sentinel", 80, 6, marks=needs_redis), ("sqlite", 40, 4)],
)
def test_a_short_run(tmp_path: Path, storage: str, payments: int, kills: int) -> None:
    steps = plan(SEED, payments=payments, kills=kills, storage=storage)
    with Campaign(tmp_path, storage, patient=8.0) as campaign:
        assert campaign.carry_out(steps) == payments
        history = campaign.end(undisturbed=6.0)
    assert check(history).violations == []
    assert campaign.fleet.counts["workers killed"] >= kills
    told = {call.transaction for call in history.calls if call.is_success}
    assert len(told) > payments / 2
