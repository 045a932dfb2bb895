"""The benchmarks of growth run, at sizes that take seconds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.postgres_servers import needs_postgres
from support.redis_servers import needs_redis

ROOT = Path(__file__).parents[3]


def run(name: str, *arguments: str) -> list[list[str]]:
    """Return the words of each line that the benchmark prints."""
    ended = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / name), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return [line.split() for line in ended.stdout.splitlines()]


@pytest.mark.parametrize(
    "kind",
    [
        "sqlite",
        pytest.param("redis", marks=needs_redis),
        pytest.param("postgres", marks=needs_postgres),
    ],
)
def test_a_storage_grows(kind: str) -> None:
    """Each line has the number of claims, four times with their ratios, and bytes a claim."""
    sizes = ("--claims", "20", "60", "--filled", "30", "--payments", "10", "--open", "2")
    _, first, second = run("growth.py", "--in", kind, *sizes)
    assert (first[:2], second[:2]) == ([kind, "20"], [kind, "60"])
    assert [float(each) for each in first[3:10:2]] == [1.0] * 4
    assert all(float(each) > 0 for each in (*first[2:10], *second[2:10]))


def test_memory_is_measured() -> None:
    lines = run("memory.py", "--verifies", "20", "--payers", "2")
    assert [line[0] for line in lines[1:-1]] == [str(2 * each) for each in range(11)]
