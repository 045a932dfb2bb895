"""Plugins that are named by a file instead of an entry point, for development."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def is_plugin_file(entry: str) -> bool:
    """Return True if the entry of the setting ``plugins`` is a path: ``./my_plugin.py``."""
    return entry.endswith(".py") or "/" in entry


def plugin_name(entry: str) -> str:
    """Return the name of the plugin that the entry stands for: a file's is its stem."""
    return Path(entry).stem if is_plugin_file(entry) else entry


def plugin_files(entries: Sequence[str], folder: Path) -> Mapping[str, Path]:
    """Return the files among the entries by their plugins' names; paths begin in ``folder``."""
    return {plugin_name(each): folder / each for each in entries if is_plugin_file(each)}


def wrong_names(entries: Sequence[str]) -> str | None:
    """Return the problem with the entries of the setting ``plugins``, if there is one."""
    names = [plugin_name(each) for each in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        return f"names {', '.join(twice)} more than once"
    for entry, name in zip(entries, names, strict=True):
        if is_plugin_file(entry) and not (entry.endswith(".py") and _NAME.fullmatch(name)):
            return (
                f"{entry!r} is no file of a plugin: its name must end in .py, begin with a"
                " lowercase letter and have only those, digits and underscores"
            )
    return None
