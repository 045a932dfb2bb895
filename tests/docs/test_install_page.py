"""Until it is published, every page shows how to install from the repository."""

import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/install.md"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*/README.md")]
INSTALLS = re.compile(r"(?:pip|pipx|uv|uvx)\b[^\n`|]*x402-cardano-facilitator")

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs a checkout: no docs/ here")


def test_no_page_but_one_installs_by_name() -> None:
    by_name = {page for page in PAGES if INSTALLS.search(page.read_text())}
    assert by_name == {PAGE, ROOT / "README.md"}
    for page in by_name:
        assert "not on PyPI yet" in page.read_text()


def test_the_extras_shown_are_there() -> None:
    shown = {
        extra
        for page in PAGES
        if page.name != "write-a-plugin.md"  # of the plugin that is written there
        for extras in re.findall(r"install [^\n]*\"\.\[([\w,]+)\]\"", page.read_text())
        for extra in extras.split(",")
    }
    extras = metadata("x402-cardano-facilitator").get_all("Provides-Extra") or ()
    assert {"koios", "redis"} <= shown <= set(extras)
