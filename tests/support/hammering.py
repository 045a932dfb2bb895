"""Several processes that use one storage at once."""

import json
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

from facilitator.roles.storage import Storage

HAMMER = Path(__file__).with_name("hammer.py")
PROCESSES = 4
SHARED = "ff" * 32
SECONDS = 120


def start(*arguments: str) -> subprocess.Popen[str]:
    """A process that does what ``hammer.py`` says of the arguments."""
    command = [sys.executable, str(HAMMER), *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def compete(where: str) -> list[Any]:
    """What each of some processes was acknowledged that compete on the storage."""
    processes = [start("compete", where, f"process {n}") for n in range(PROCESSES)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate(timeout=SECONDS)[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return told


def assert_agreed(told: list[Any], storage: Storage) -> None:
    """Each claim has one owner, each input one holder, each version one writer."""
    assert all(each["owners"] == told[0]["owners"] for each in told)
    inputs = Counter(chain.from_iterable(each["inputs"] for each in told))
    assert inputs == Counter(map(int, told[0]["owners"], [16] * len(told[0]["owners"])))
    versions = sorted(chain.from_iterable(each["versions"] for each in told))
    assert versions == list(range(1, len(versions) + 1))
    shared = storage.claim(SHARED)
    assert shared is not None
    assert shared.version == len(versions)


def written_until_killed(where: str, lines: int, task: str = "write") -> dict[str, int]:
    """The newest version of each claim acknowledged to a process that is killed meanwhile."""
    with start(task, where) as process:
        assert process.stdout
        acknowledged = [json.loads(process.stdout.readline()) for _ in range(lines)]
        process.kill()
        acknowledged += [json.loads(line) for line in process.stdout if line.endswith("\n")]
    return dict(acknowledged)
