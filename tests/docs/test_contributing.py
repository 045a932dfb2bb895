"""The commands of CONTRIBUTING.md and of tests/README.md work, from an empty environment on."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.checkout import ROOT, copy_sources

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
TESTS = ROOT / "tests/README.md"
BY_CI = ("tox", "bash .ci/run")
COLLECT = """
import json, sys, pytest
for words in json.loads(sys.argv[1]):
    if pytest.main(["--co", "-q", "-p", "no:cacheprovider", *words]):
        sys.exit(f"nothing is found by {words}")
"""
"""In one process, since what tests import takes longer than the tests take to be found."""

pytestmark = pytest.mark.skipif(not CONTRIBUTING.exists(), reason="needs a checkout")


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines()]


def by_ci(line: str) -> bool:
    """Whether CI runs the command, perhaps on more tests."""
    return line.startswith(BY_CI)


def test_a_newcomer_sets_up_and_runs_a_test(tmp_path: Path) -> None:
    """One shell, in a copy of the sources that is a repository, and no environment but its own."""
    sources = copy_sources(tmp_path / "checkout", "tests", ".pre-commit-config.yaml")
    script = [line for line in commands(CONTRIBUTING) if not by_ci(line)]
    kept = ("HOME", "LANG", "PATH")
    environ = {
        **{
            k: os.environ[k]
            for k in os.environ
            if k in kept or k.startswith(("PIP_", "SSL_", "UV_"))
        },
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(["git init -q", *script, "which pytest"])],
        cwd=sources, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"{sources}/.venv-dev/bin/pytest\n")
    assert len(re.findall(r"^\d+ passed", done.stdout, re.M)) == 2
    assert (sources / ".git/hooks/commit-msg").exists()


def test_the_other_commands_are_those_of_ci() -> None:
    listed = re.findall(r"^env_list = (.*)$", (ROOT / "tox.ini").read_text(), re.M)[0].split(", ")
    named = re.findall(r"\btox -e ([\w,]+)", CONTRIBUTING.read_text() + TESTS.read_text())
    assert {"py311", "lint", "system"} <= set(named) <= set(listed)
    assert (ROOT / ".ci/run").exists()


def test_every_selection_finds_tests() -> None:
    by_tox = re.findall(r"\btox -e \w+ -- ([^`\n]*)", CONTRIBUTING.read_text() + TESTS.read_text())
    by_pytest = [line.removeprefix("pytest ") for line in commands(TESTS)]
    by_pytest.remove('-q -n auto -m "not once" tests/unit')  # what tox -e py313 runs
    assert len(by_tox) >= 2
    selections = [shlex.split(each) for each in sorted({*by_tox, *by_pytest})]
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, json.dumps(selections)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["hostile.run", "chaos.run"])
def test_longer_runs_can_be_started(module: str) -> None:
    assert f"PYTHONPATH=tests:tests/system python -m {module}`" in TESTS.read_text()
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": "tests:tests/system"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_variables_shown_are_read_by_tests() -> None:
    read = "".join(
        path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)
    )
    named = set(re.findall(r"FACILITATOR_\w+", TESTS.read_text()))
    assert named
    assert {each for each in named if f'"{each}"' not in read} == set()
