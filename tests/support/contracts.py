"""Contracts run by hand, to see which of their tests a part fails."""

import inspect
import traceback
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import pytest


def failures(contract: type, fixtures: Mapping[str, Callable[[], Any]]) -> set[str]:
    """The names of the tests that fail with these fixtures, each made for every test."""
    found = set()
    for name, test in inspect.getmembers(contract(), inspect.ismethod):
        if name.startswith("test_"):
            for parameters in _parametrized(test):
                made = _made(test, fixtures, parameters)
                if made is not None and _fails(test, {**made, **parameters}):
                    found.add(name)
    return found


def _parametrized(test: Any) -> list[dict[str, Any]]:
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    choices = [[{mark.args[0]: value} for value in mark.args[1]] for mark in marks]
    return [{k: v for each in chosen for k, v in each.items()} for chosen in product(*choices)]


def _made(
    test: Any, fixtures: Mapping[str, Callable[[], Any]], parameters: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The fixtures that the test wants; ``None`` if one is missing."""
    wanted = [name for name in inspect.signature(test).parameters if name not in parameters]
    if not set(wanted) <= set(fixtures):
        return None
    return {name: fixtures[name]() for name in wanted}


def _fails(test: Callable[..., None], arguments: Mapping[str, Any]) -> bool:
    try:
        test(**arguments)
    except pytest.skip.Exception:
        return False
    except (Exception, pytest.fail.Exception):
        traceback.print_exc()  # pytest shows it if that should not have failed
        return True
    return False
