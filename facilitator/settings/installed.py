"""The plugins that are installed, by the entry points of their distributions."""

import os
import sys
from functools import lru_cache
from importlib.metadata import EntryPoints, entry_points

GROUP = "facilitator.plugins"
"""The entry points that are plugins."""


def plugin_entry_points() -> EntryPoints:
    """Return the entry points of all installed plugins, without importing any."""
    return _entry_points(tuple((folder, _changed(folder)) for folder in sys.path))


def installed_plugins() -> frozenset[str]:
    """Return the names of all installed plugins, enabled or not, without importing any."""
    return frozenset(plugin_entry_points().names)


def _changed(folder: str) -> int | None:
    """Return when a distribution was last added to the folder or removed, as far as is known."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return None


@lru_cache(maxsize=1)
def _entry_points(folders: tuple[tuple[str, int | None], ...]) -> EntryPoints:  # noqa: ARG001
    """Look through all distributions, which is a large part of the time of a start."""
    return entry_points(group=GROUP)
