"""A short run on each kind of storage, always of the same plan."""

from pathlib import Path

import pytest

from chaos.campaign import Campaign
from chaos.checker import check
from chaos.plan import plan
from chaos.report import report
from support.postgres_servers import needs_postgres
from support.redis_servers import needs_redis

SEED = 20_261_125


@pytest.mark.parametrize(
    ("storage", "payments", "kills"),
    [
        pytest.param("switched", 40, 4, marks=needs_redis),
        pytest.param("standby", 30, 3, marks=needs_postgres),
        ("sqlite", 40, 4),
        ("unlogged", 16, 1),
    ],
)
def test_a_short_run(tmp_path: Path, storage: str, payments: int, kills: int) -> None:
    run(tmp_path, storage, payments, kills)


@needs_redis
def test_a_short_run_with_clocks_an_hour_apart(tmp_path: Path) -> None:
    run(tmp_path, "sentinel", 80, 6, replicas=2, workers=2, apart=3600.0)


def test_a_short_run_of_two_that_share_nothing(tmp_path: Path) -> None:
    run(tmp_path, "separate", 30, 0, workers=1)


def run(
    folder: Path,
    storage: str,
    payments: int,
    kills: int,
    *,
    replicas: int = 1,
    workers: int = 3,
    apart: float = 0.0,
) -> None:
    steps = plan(SEED, payments=payments, kills=kills, storage=storage)
    with Campaign(
        folder, storage, replicas=replicas, workers=workers, patient=8.0, apart=apart
    ) as campaign:
        assert campaign.carry_out(steps) == payments
        history = campaign.end(undisturbed=10.0)
    violations = check(history).violations
    assert violations == [], "\n".join(report(history, violations))
    assert campaign.fleet.counts["workers killed"] >= kills
    successes = {call.transaction for call in history.calls if call.is_success}
    assert len(successes) > payments / 2
