"""The runbook taken apart: what it has people do, and what it says they will be told.

Of its fenced blocks, ``sh`` ones are commands, and ``toml`` ones behind ``<!-- file: NAME -->`` are
files to write. A ``text`` block behind ``<!-- prints -->`` is what the commands before it print, one
behind ``<!-- message: NAME -->`` what the facilitator says then; ``…`` stands for anything.
What is behind ``<!-- not rehearsed: WHY -->`` is left out.
"""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs/operations.md"

_BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w+)\n(.*?)^```", re.M | re.S)


class Step(NamedTuple):
    """Commands, or a file to write, and what comes of it."""

    commands: str
    file: str | None
    prints: tuple[str, ...]


def steps(text: str) -> list[Step]:
    """What is to be done, in order."""
    found: list[Step] = []
    for mark, language, content in _BLOCK.findall(text):
        name, _, rest = mark.partition(": ")
        if name == "not rehearsed":
            continue
        if language == "sh":
            found.append(Step(content, None, ()))
        elif name == "file":
            found.append(Step(content, rest, ()))
        elif name == "prints":
            found[-1] = found[-1]._replace(prints=tuple(content.splitlines()))
    return found


def messages(text: str) -> dict[str, list[str]]:
    """The lines of each message by its name."""
    return {
        mark.removeprefix("message: "): content.splitlines()
        for mark, _, content in _BLOCK.findall(text)
        if mark.startswith("message: ")
    }


def says(printed: str, expected: str) -> bool:
    """Whether a line that was printed holds the expected one."""
    pattern = ".*".join(map(re.escape, expected.split("…")))
    return re.search(pattern, printed) is not None
