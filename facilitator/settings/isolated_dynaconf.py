"""Reading of variables by dynaconf, whose own options come from here alone.

Dynaconf takes them from variables too, such as ``LOADERS_FOR_DYNACONF``, which are meant for other
applications. Some of these end the start, and some have modules imported. Flask and Jinja2, where
they are installed, are not imported for it: that would make a start a fifth longer.
"""

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_FORMER_NAMES = frozenset({"PROJECT_ROOT", "SETTINGS_MODULE"})
"""Variables without dynaconf's name in theirs that it reads too."""
_NOT_NEEDED = ("flask", "jinja2")
"""Packages that dynaconf does without where they are missing."""
_OPTIONS = {
    "AUTO_CAST_FOR_DYNACONF": False,  # so that @format and the like are text
    "DOTTED_LOOKUP_FOR_DYNACONF": True,
    "MERGE_ENABLED_FOR_DYNACONF": False,
    "NESTED_SEPARATOR_FOR_DYNACONF": "__",
    "dynaconf_skip_loaders": True,
    "dynaconf_skip_validators": True,
}


@contextmanager
def _without_its_variables() -> Iterator[None]:
    """Hide the variables that dynaconf reads, which it does when it is imported."""
    hidden = {
        name: value
        for name, value in os.environ.items()
        if "DYNACONF" in name.upper() or name.upper() in _FORMER_NAMES
    }
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


@contextmanager
def _without(packages: tuple[str, ...]) -> Iterator[None]:
    """Have these packages look as if they were not installed, unless they are imported already."""
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None ends an import
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _without_its_variables(), _without(_NOT_NEEDED):
    _base = importlib.import_module("dynaconf.base")


def nested(name: str, value: str) -> dict[str, Any]:
    """Return the value in tables by the parts of its name, in lower case."""
    # Not ``dynaconf.Dynaconf``, which reads the environment each time.
    layer = _base.Settings(**_OPTIONS)
    # A table around it, so that it cannot be an option of dynaconf.
    layer.set(f"VARIABLE__{name}", value, dotted_lookup=True)
    return _lowered(layer.as_dict()["VARIABLE"])


def _lowered(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.lower(): _lowered(value) if isinstance(value, dict) else value
        for name, value in values.items()
    }
