"""Tables, times and foreign texts as a terminal shows them."""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

TABLE_WIDTH = 80
_GAP = 2


def time_text(seconds: float) -> str:
    """Return the time in UTC to the second: ``2026-01-31 14:00:05``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def printable(text: str) -> str:
    """Return the text with escapes for what a terminal would obey: payers write some of it."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def shortened(text: str, width: int) -> str:
    """Return the printable beginning of the text in at most so many characters."""
    shown = printable(text)
    return shown if len(shown) <= width else shown[: max(0, width - 1)] + "…"


def end_of(text: str, width: int) -> str:
    """Return the end of the text in at most so many characters: that of an address is its own."""
    shown = printable(text)
    return shown if len(shown) <= width else "…" + shown[-(width - 1) :]


def without_protocol(url: str) -> str:
    """Return the URL from its host on."""
    return re.sub(r"^https?://", "", url)


def render_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[str] = (),
    width: int = TABLE_WIDTH,
) -> str:
    """Return the table with a line for each row; columns named in ``right`` are right-aligned.

    The last column is cut so that each line fits the width, unless it is a right-aligned one. The
    others are as wide as need be: an amount is never cut.
    """
    cells = [list(headings), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = width - sum(widths[:-1]) - _GAP * (len(widths) - 1)
    if headings[-1] not in right:
        widths[-1] = min(widths[-1], max(left, len(headings[-1])))
    lines = []
    for row in cells:
        row[-1] = shortened(row[-1], widths[-1])
        aligned = (
            cell.rjust(size) if heading in right else cell.ljust(size)
            for heading, cell, size in zip(headings, row, widths, strict=True)
        )
        lines.append((" " * _GAP).join(aligned).rstrip() + "\n")
    return "".join(lines)
