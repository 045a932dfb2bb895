import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest

from facilitator.testing.examples import example_claim
from facilitator_sqlite.storage import SqliteStorage

HAMMER = Path(__file__).with_name("hammer.py")
PROCESSES = 4
SHARED = "ff" * 32
SECONDS = 120


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(HAMMER), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_share_a_file_agree(tmp_path: Path) -> None:
    path = str(tmp_path / "facilitator.db")
    processes = [start("compete", path, f"process {n}") for n in range(PROCESSES)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate(timeout=SECONDS)[0]) for process in processes]

    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert all(each["owners"] == told[0]["owners"] for each in told)
    inputs = Counter(chain.from_iterable(each["inputs"] for each in told))
    assert inputs == Counter(map(int, told[0]["owners"], [16] * len(told[0]["owners"])))
    versions = sorted(chain.from_iterable(each["versions"] for each in told))
    assert versions == list(range(1, len(versions) + 1))
    with closing(SqliteStorage(path)) as storage:
        shared = storage.claim(SHARED)
        assert shared is not None
        assert shared.version == len(versions)


@pytest.mark.parametrize("lines", [1, 60, 201])
def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path, lines: int) -> None:
    path = str(tmp_path / "facilitator.db")
    with start("write", path) as process:
        assert process.stdout
        acknowledged = [json.loads(process.stdout.readline()) for _ in range(lines)]
        process.kill()
        acknowledged += [json.loads(line) for line in process.stdout if line.endswith("\n")]

    with closing(SqliteStorage(path)) as storage:
        for transaction_id, version in dict(acknowledged).items():
            claim = storage.claim(transaction_id)
            assert claim is not None
            assert claim.version >= version
        new = example_claim(transaction_id="c9" * 32)
        assert storage.add_claim(new) == new
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
