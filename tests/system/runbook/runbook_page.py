"""The runbook taken apart: what it has people do, and what it says they will be told.

Of its fenced blocks, ``sh`` ones are commands, ``toml`` ones behind ``<!-- file: NAME -->`` files
to write. A ``text`` block behind ``<!-- prints -->`` is what the commands before it print, one
behind ``<!-- message: NAME -->`` what the facilitator says then; ``…`` stands for anything. What is
behind ``<!-- not rehearsed: WHY -->`` is left out.
"""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[3] / "docs/operations.md"

_BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w+)\n(.*?)^```", re.M | re.S)


class Step(NamedTuple):
    """Commands, or what is to be written to a file, and what is printed."""

    content: str
    file: str | None = None
    prints: tuple[str, ...] = ()


def steps(text: str) -> list[Step]:
    """What is to be done, in order."""
    found: list[Step] = []
    for mark, language, content in _BLOCK.findall(text):
        kind, _, name = mark.partition(": ")
        if kind == "file":
            found.append(Step(content, file=name))
        elif kind == "prints":
            found[-1] = found[-1]._replace(prints=tuple(content.splitlines()))
        elif language == "sh" and kind != "not rehearsed":
            found.append(Step(content))
    return found


def messages(text: str) -> dict[str, list[str]]:
    """The lines of each message by its name."""
    return {
        mark.removeprefix("message: "): content.splitlines()
        for mark, _, content in _BLOCK.findall(text)
        if mark.startswith("message: ")
    }


def after(printed: str, expected: str) -> str | None:
    """What is printed after the expected line; ``None`` when that is not there."""
    pattern = ".*?".join(map(re.escape, expected.split("…")))
    found = re.search(pattern, printed)
    return printed[found.end() :] if found else None
