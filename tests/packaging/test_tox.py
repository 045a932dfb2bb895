"""The environments of tox, taken together, run every test."""

import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOX = ROOT / "tox.ini"

pytestmark = pytest.mark.skipif(not TOX.exists(), reason="needs a checkout: no tox.ini here")


def configured() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(TOX)
    return parser


def environments() -> list[str]:
    """The environments that are run by default."""
    return [name.strip() for name in configured()["tox"]["env_list"].split(",")]


def selection(environment: str) -> str:
    """What the environment gives to pytest unless it is asked for something else."""
    parser = configured()
    section = f"testenv:{environment}"
    commands = parser.get(section if parser.has_section(section) else "testenv", "commands")
    (default,) = re.findall(r"\{posargs:([^}]*)\}", commands.replace("\\\n", " "))
    return str(default)


def collect(*selected: str) -> list[str]:
    """The ids of the tests that pytest would run."""
    command = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *selected], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_every_test_is_run_by_an_environment() -> None:
    assert selection("system") == "-m once tests"
    assert selection("py313") == '-m "not once" tests/unit'
    others = collect("-m", "not once", "tests")
    assert others
    assert [each for each in others if not each.startswith("tests/unit/")] == []


def test_the_lowest_and_the_highest_python_run_the_same() -> None:
    _, *most, folder = shlex.split(selection("py311"))
    assert selection("py313") == selection("py311")
    _, *chosen = shlex.split(selection("py312"))
    assert chosen[: len(most)] == most
    assert all(Path(each).is_relative_to(folder) for each in chosen[len(most) :])
    assert all((ROOT / each).is_dir() for each in chosen[len(most) :])


def test_these_are_all_the_environments() -> None:
    assert environments() == ["lint", "audit", "py311", "py312", "py313", "system"]
