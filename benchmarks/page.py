"""The page of the benchmarks: the block of each part is replaced, the words around it stay."""

import os
import platform
import re
import sysconfig
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from figures import Figure, LeftOut
from plots import draw

OPTIMISED = ("--enable-optimizations", "--with-lto")
"""How an interpreter is configured to be built by a profile, and optimised as a whole."""


def conditions() -> str:
    """Where and when it runs: date, machine, interpreter, load."""
    model = re.findall(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cores = len(os.sched_getaffinity(0))
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS"))
    flags = [each for each in OPTIMISED if each in arguments]
    built = f"built with `{' '.join(flags)}`" if flags else "its build names neither PGO nor LTO"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {cores} cores of {model[0] if model else 'a processor'},"
        f" Linux {platform.release().split('-')[0]}, {platform.python_implementation()}"
        f" {platform.python_version()} ({built}), load {os.getloadavg()[0]:.1f} before it."
    )


def number(value: float) -> str:
    """Three digits that count, and thousands apart."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def row(figure: Figure) -> str:
    """The line of a figure in its table."""
    aim = ""
    if figure.aim is not None:
        bound = f"at {'least' if figure.aim.at_least else 'most'} {number(figure.aim.bound)}"
        unit = "times" if figure.aim.of_ratio else figure.unit
        aim = f"{bound} {unit}: {'met' if figure.aim.is_met_by(figure) else 'not met'}"
    cells = (
        figure.what,
        f"{number(figure.value)} {figure.unit}",
        f"{figure.baseline}: {number(figure.baseline_value)}",
        f"{figure.ratio:.2f}",
        aim,
    )
    return f"| {' | '.join(cells)} |"


def block(name: str, found: Sequence[Figure | LeftOut], where: str, image: Path) -> str:
    """The block of a part, whose plot is written to the image's path."""
    figures = [each for each in found if isinstance(each, Figure)]
    lines = [where, ""]
    if figures:
        draw(figures, image)
        lines += ["| figure | value | baseline | times | aim |", "|---|--:|---|--:|---|"]
        lines += [*map(row, figures), "", f"![{name}]({image.parent.name}/{image.name})", ""]
    lines += [f"Left out: {each.what} ({each.why})." for each in found if isinstance(each, LeftOut)]
    return "\n".join(lines).rstrip()


def write(page: Path, name: str, found: Sequence[Figure | LeftOut], where: str) -> None:
    """Replace the block of a part on the page. Raises :class:`ValueError` if there is none."""
    text = page.read_text()
    begin, end = f"<!-- figures: {name} -->\n", f"<!-- end: {name} -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"{page} has no block {name}")
    image = page.parent / page.stem / f"{name}.svg"
    new = block(name, found, where, image)
    page.write_text(f"{before}{begin}{new}\n\n{end}{after}")
