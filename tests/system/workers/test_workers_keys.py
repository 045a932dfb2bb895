"""API keys in the storage: each worker sees a change at its next request, without a signal."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from workers.fleet import Fleet


def keys(folder: Path, *words: str) -> str:
    """Run ``facilitator keys`` beside the fleet; what it prints."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    done = subprocess.run(
        [sys.executable, "-m", "facilitator", "keys", *words],
        cwd=folder, env={**clean, "FACILITATOR_PLUGINS": "sqlite"}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def statuses(fleet: Fleet, key: str) -> set[int]:
    """Of a request to each worker whose body is refused once its key is admitted."""
    found = set()
    for worker in fleet.workers:
        with fleet.connected(worker) as connection:
            found.add(connection.status("POST", "/verify", {}, **{"X-API-Key": key}))
    return found


def test_every_worker_sees_a_change_at_once(start: Callable[..., Fleet], tmp_path: Path) -> None:
    fleet = start(FACILITATOR_AUTH__REQUIRED="true")
    assert fleet.port
    assert len(fleet.workers) == 2
    key = keys(tmp_path, "add", "shop").strip()
    assert statuses(fleet, key) == {400}
    assert " valid" in keys(tmp_path, "list")
    keys(tmp_path, "revoke", "shop")
    assert statuses(fleet, key) == {401}
    assert fleet.terminate() == 0
    assert not any(key in line for line in fleet.lines)
