"""Lines as wide as the terminal that shows them."""

import os
import re
import textwrap
from typing import TextIO

_COLUMNS = re.compile(r" *(?:\S+(?: \S+)* {2,})*")
"""The indentation of a line, and each column but the last, with two spaces or more between."""
_LEAST = 40
"""Columns of the narrowest terminal that lines are wrapped for."""


def fitted(text: str, stream: TextIO) -> str:
    """Return the text as the stream shows it best.

    For a terminal its lines are broken between words, and what continues a line is indented below
    its last column. A word is never broken, so that an id or address can be copied. For a file or a
    pipe it is the text itself.
    """
    width = _width(stream)
    if width is None:
        return text
    return "\n".join(wrapped(line, width) for line in text.split("\n"))


def wrapped(line: str, width: int) -> str:
    """Return the line as lines of at most so many characters, but for longer words."""
    if len(line) <= width:
        return line
    indentation = len(line) - len(line.lstrip())
    found = _COLUMNS.match(line)
    first = found[0] if found else ""
    hanging = len(first) if indentation < len(first) <= width // 2 else indentation + 2
    if any(width - hanging < len(word) <= width - indentation - 2 for word in line.split()):
        hanging = indentation + 2  # an id, which has a line to itself there
    return textwrap.fill(
        line[len(first) :], width, initial_indent=first, subsequent_indent=" " * hanging,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _width(stream: TextIO) -> int | None:
    """Return the columns of the terminal; ``None`` if it is none, or too narrow for words."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        return None
    return columns if columns >= _LEAST else None
