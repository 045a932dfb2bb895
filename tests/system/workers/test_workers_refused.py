"""What cannot be served by several workers ends the start with exit code 1 and the reason."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.testing.http import call
from workers.fleet import Fleet

MEMORY = "the storage is for one process, and server.workers is 2"
DEVNET = "a devnet lives in one process, and server.workers is 2"


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"FACILITATOR_PLUGINS": "blockfrost,memory"}, MEMORY),
        ({"FACILITATOR_PLUGINS": "devnet,sqlite"}, DEVNET),
        ({"FACILITATOR_PLUGINS": "devnet,sqlite", "FACILITATOR_DEVNET__PATH": "it.db"}, DEVNET),
        ({"FACILITATOR_SQLITE__PATH": "/nowhere/x.db"}, "/nowhere/x.db"),
        ({"FACILITATOR_SERVER__HOST": "192.0.2.1"}, "cannot listen on 192.0.2.1"),
    ],
)
def test_it_is_told_once(start: Callable[..., Fleet], environ: dict[str, str], told: str) -> None:
    fleet = start(**environ)
    assert fleet.wait() == 1
    assert told in fleet.lines[-1]
    assert fleet.count(told) == 1
    assert not fleet.said("Traceback")


def test_one_worker_needs_nothing_of_the_kind(start: Callable[..., Fleet]) -> None:
    fleet = start(FACILITATOR_PLUGINS="devnet,memory", FACILITATOR_SERVER__WORKERS="1")
    assert call(fleet.port, "GET", "/health")[0] == 200
    assert fleet.workers == []
    children = Path(f"/proc/{fleet.process.pid}/task/{fleet.process.pid}/children")
    assert not children.exists() or children.read_text() == ""


def test_check_tells_as_well(tmp_path: Path) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "facilitator", "check"],
        cwd=tmp_path,
        env={"FACILITATOR_PLUGINS": "devnet,memory", "FACILITATOR_SERVER__WORKERS": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1
    assert f"storage: {MEMORY}" in checked.stdout
    assert f"chain cardano:preprod: {DEVNET}" in checked.stdout
