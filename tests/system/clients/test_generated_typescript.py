"""openapi-typescript makes complete types of the description, which a program compiles with."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.testing.payments import Payer
from facilitator.testing.running import Running
from support.npm import install_or_skip

PROJECT = Path(__file__).parent / "typescript"


def run_in(folder: Path, *words: str) -> str:
    """What the program prints. Raises :class:`AssertionError` unless it exits with 0."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_generated_types_are_complete_and_compile(
    run: Callable[..., Running], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)
    folder = tmp_path / "client"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(install_or_skip(PROJECT, cache))
    running = run(inspect__enabled="true")
    (folder / "openapi.json").write_text(json.dumps(running.call("GET", "/openapi.json")[1]))

    programs = folder / "node_modules" / ".bin"
    run_in(folder, str(programs / "openapi-typescript"), "openapi.json", "-o", "made.d.ts")
    # An object that can have no fields.
    assert ": Record<string, never>" not in (folder / "made.d.ts").read_text()
    run_in(folder, str(programs / "tsc"), "--project", ".")
    request = json.dumps(Payer(running).body())
    assert run_in(folder, "node", "use.js", running.url, request) == (
        "valid: true, not_found healthy, unauthorized\n"
    )
