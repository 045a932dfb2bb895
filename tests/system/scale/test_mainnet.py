"""A fleet on a simulated mainnet asks its provider no more than one process does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SIMULATION = ROOT / "benchmarks/mainnet.py"
REPLICAS = 4

pytestmark = pytest.mark.skipif(
    not SIMULATION.exists(), reason="needs a checkout: no benchmarks/ here"
)


def simulate(replicas: int, storage: str = "sqlite") -> dict[str, Any]:
    """Some minutes with a fork of each depth."""
    options = f"--storage {storage} --blocks 14 --in-flight 12 --confirmations 3 --others 0"
    done = subprocess.run(
        [sys.executable, str(SIMULATION), "--replicas", str(replicas), *options.split()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    """What one process asks and writes."""
    return simulate(1)


def changes(found: dict[str, Any]) -> float:
    """Attempts to change a claim for each payment."""
    return float(found["operations"]["change_claim"] / found["settled"])


def test_what_a_fleet_asks_and_writes_does_not_grow_with_its_replicas(
    alone: dict[str, Any],
) -> None:
    fleet = simulate(REPLICAS)
    for found in (alone, fleet):
        assert found["violations"] == []
        assert found["settled"] >= 36
        assert set(found["forks"]) == {"1", "2", "3"}
    assert fleet["calls a block"] <= alone["calls a block"] * 1.1
    # One verifies a payment and another settles it, and a file shares no outputs.
    assert fleet["calls a payment"] <= alone["calls a payment"] + 1.1
    assert changes(fleet) <= changes(alone) * 1.3


def test_replicas_that_share_nothing_are_found_out(alone: dict[str, Any]) -> None:
    """Each follows the chain by itself, and knows of its own claims alone."""
    found = simulate(REPLICAS, "memory")
    assert found["calls a block"] > alone["calls a block"] * 2
    assert found["violations"]
