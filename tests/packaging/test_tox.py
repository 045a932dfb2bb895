"""The environments of tox, taken together, run every test."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest

from support.left_out import LEFT_OUT

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


def test_every_test_is_run_by_an_environment(pytestconfig: pytest.Config) -> None:
    """By the one that runs this, or by those of the unit tests."""
    assert selection("system") == "-m once tests"
    assert selection("py313") == '-m "not once" tests/unit'
    if pytestconfig.option.markexpr != "once":
        pytest.skip("only -m once shows what it leaves out")
    by_option = [
        each.path
        for each in pytestconfig.stash.get(LEFT_OUT, [])
        if not each.get_closest_marker("once")
    ]
    assert [each for each in by_option if not each.is_relative_to(ROOT / "tests/unit")] == []


def test_the_lowest_and_the_highest_python_run_the_same() -> None:
    _, *most, folder = shlex.split(selection("py311"))
    assert selection("py313") == selection("py311")
    _, *chosen = shlex.split(selection("py312"))
    assert chosen[: len(most)] == most
    assert all(Path(each).is_relative_to(folder) for each in chosen[len(most) :])
    assert all((ROOT / each).is_dir() for each in chosen[len(most) :])


def test_these_are_all_the_environments() -> None:
    assert environments() == ["system", "py313", "py311", "py312", "lint", "audit"]
