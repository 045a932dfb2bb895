"""Plots of figures as SVG: how many times its baseline each is, beside its aim."""

from collections.abc import Sequence
from pathlib import Path

import pygal
from figures import Figure
from pygal.style import Style

STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    colors=("#3f51b5", "#c5cae9"),
    font_family="sans-serif",
    label_font_size=13,
    value_font_size=13,
)
BAR, FRAME, WIDTH = 56, 90, 800
"""Pixels: the height of a figure, of what is around all of them, and the width."""


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Write a plot of the figures."""
    chart = pygal.HorizontalBar(
        style=STYLE,
        js=(),
        width=WIDTH,
        height=FRAME + BAR * len(figures),
        print_values=True,
        range=(0, None),
        value_formatter=lambda value: f"{value:.3g}",
        truncate_label=-1,
        legend_at_bottom=True,
        disable_xml_declaration=True,
    )
    chart.uuid = path.stem  # else another one each time
    shown = list(reversed(figures))  # the first one is drawn at the bottom
    chart.x_labels = [figure.what for figure in shown]
    chart.add("times the baseline", [figure.ratio for figure in shown])
    aims = [figure.aim.bound if figure.aim and figure.aim.of_ratio else None for figure in shown]
    if any(aims):
        chart.add("aim", aims)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(chart.render(is_unicode=True) + "\n")
