"""The audit of dependencies in CI: what it says and when it fails. ``pip-audit`` is a stand-in."""

import json
import os
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci/audit.py"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="needs a checkout: no .ci/ here")

FINE = {"name": "falcon", "version": "4.4.0", "vulns": []}
UNKNOWN = {"name": "uplc", "skip_reason": "Dependency not found on PyPI: uplc (1.3.3)"}
OURS = {"name": "x402-cardano-facilitator", "skip_reason": "not found"}
VULNERABLE = {
    "name": "waitress",
    "version": "3.0.0",
    "vulns": [{"id": "PYSEC-2024-211", "fix_versions": ["3.0.1"], "aliases": []}],
}


def audit(folder: Path, printed: str, code: int) -> tuple[int, str]:
    """Run the script where ``pip-audit`` prints this and exits like this."""
    stand_in = folder / "pip-audit"
    stand_in.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\nexit {code}\n")
    stand_in.chmod(0o755)
    done = subprocess.run(
        [sys.executable, SCRIPT], env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([FINE, OURS], 0, "audit: 1 packages, 0 of them vulnerable, 0 unknown"),
        ([FINE, UNKNOWN], 0, "audit: 1 packages, 0 of them vulnerable, 1 unknown"),
        ([FINE, VULNERABLE], 1, "waitress 3.0.0: PYSEC-2024-211, fixed in 3.0.1"),
        ([UNKNOWN, OURS], 0, "audit: NOTHING WAS AUDITED"),
    ],
)
def test_it_fails_for_what_is_known_and_says_what_is_not(
    tmp_path: Path, dependencies: list[dict[str, Any]], code: int, said: str
) -> None:
    report = json.dumps({"dependencies": dependencies, "fixes": []})
    ended, printed = audit(tmp_path, report, 1 if VULNERABLE in dependencies else 0)
    assert ended == code
    assert said in printed


def test_without_an_answer_it_says_that_nothing_was_audited(tmp_path: Path) -> None:
    ended, printed = audit(tmp_path, "", 1)
    assert (ended, printed.startswith("audit: NOTHING WAS AUDITED")) == (0, True)


def test_every_dependency_has_an_upper_bound() -> None:
    """So that nobody gets a version that was not tried here."""
    needed = [Requirement(each) for each in requires("x402-cardano-facilitator") or ()]
    assert needed
    operators = {each.name: {one.operator for one in each.specifier} for each in needed}
    assert [name for name, used in operators.items() if not used & {"<", "<=", "==", "~="}] == []
