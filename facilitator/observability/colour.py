"""Colour on terminals that show it, by NO_COLOR (no-color.org) and TERM."""

import os
from typing import Literal, TextIO, TypeAlias

Style: TypeAlias = Literal["bold", "red", "green", "yellow"]

_CODES: dict[Style, int] = {"bold": 1, "red": 31, "green": 32, "yellow": 33}


def shows_colour(stream: TextIO) -> bool:
    """Return True if the stream is a terminal, and neither NO_COLOR nor TERM=dumb forbids it."""
    forbidden = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not forbidden and stream.isatty()


def painted(text: str, style: Style, stream: TextIO) -> str:
    """Return the text in the style if the stream shows it, else as it is."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if shows_colour(stream) else text
