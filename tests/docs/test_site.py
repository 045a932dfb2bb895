"""The documentation as a site: built strictly, complete, and with nothing from elsewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.checkout import ROOT

DOCS = ROOT / "docs"
BESIDE = ("CHANGELOG.md", "SECURITY.md")
BIN = Path(sys.executable).parent
ENOUGH_SECONDS = 300

pytestmark = pytest.mark.skipif(
    not (ROOT / "mkdocs.yml").exists(), reason="needs a checkout: no mkdocs.yml here"
)


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of the group ``docs``; return its outcome."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=ENOUGH_SECONDS,
    )


def small_site(folder: Path, text: str) -> Path:
    """The sources of a site with two pages, in a folder of its own; one page has the text."""
    (folder / "docs").mkdir(parents=True)
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copy(DOCS / "site_hooks.py", folder / "docs")
    (folder / "docs" / "index.md").write_text("# Start\n\n**Part**\n- [page](page.md)\n")
    (folder / "docs" / "page.md").write_text(f"# Page\n\n{text}\n")
    for name in BESIDE:
        (folder / name).write_text(f"# {name}\n")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("mkdocs.yml", *BESIDE):
        shutil.copy(ROOT / name, folder)
    built = run(folder, "mkdocs", "build")
    assert built.returncode == 0, built.stderr
    return folder / "build" / "site"


def test_every_document_is_a_page(site: Path) -> None:
    wanted = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    wanted |= {Path("CHANGELOG"), Path("SECURITY")}
    wanted ^= {Path("index"), Path()}
    assert {page.parent.relative_to(site) for page in site.rglob("index.html")} == wanted


def test_the_menu_has_the_parts_of_the_index(site: Path) -> None:
    page = (site / "index.html").read_text()
    parts = re.findall(r"^\*\*(.+?)\*\*", (DOCS / "index.md").read_text(), re.MULTILINE)
    tabs = re.findall(r'class="md-tabs__link">\s*(.+?)\s*</a>', page)
    assert tabs == ["Start", *parts, "Project"]


def test_diagrams_are_drawn(site: Path) -> None:
    drawn = (site / "explanation" / "architecture" / "index.html").read_text()
    sources = (DOCS / "explanation" / "architecture.md").read_text().count("```bob")
    assert sources == drawn.count('<img class="bob" alt="') > 0


def test_its_search_finds_a_term(site: Path) -> None:
    index = json.loads((site / "search" / "search_index.json").read_text())
    assert any("lease" in entry["text"] for entry in index["docs"])


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    fetched = re.compile(
        r"""<(?:script|img|iframe)[^>]+src=["']?(?:https?:)?//|<link[^>]+stylesheet[^>]+href=["']?https?:"""
    )
    for page in site.rglob("*.html"):
        assert not fetched.search(page.read_text()), page


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        ("[a](index.md#start) [b](../CHANGELOG.md) [not on the site](../examples/README.md)", True),
        ("[nowhere](index.md#no-such-heading)", False),
        ("[nowhere][no-such-page]\n\n[no-such-page]: other.md", False),
    ],
)
def test_a_link_into_nothing_stops_the_build(tmp_path: Path, text: str, is_good: bool) -> None:
    built = run(small_site(tmp_path / "sources", text), "mkdocs", "build")
    assert (built.returncode == 0) is is_good, built.stderr


def test_versions_lie_beside_one_another(tmp_path: Path) -> None:
    folder = small_site(tmp_path / "sources", "text")
    for command in (
        ("init", "--quiet"),
        ("config", "user.name", "test"),
        ("config", "user.email", "test@example.org"),
        ("commit", "--quiet", "--allow-empty", "--message", "docs"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    for version in ("0.1.0", "0.2.0"):
        done = run(folder, "mike", "deploy", "--update-aliases", version, "latest")
        assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["git", "show", "gh-pages:versions.json"], cwd=folder, capture_output=True, check=True
    )
    versions = [(each["version"], each["aliases"]) for each in json.loads(shown.stdout)]
    assert versions == [("0.2.0", ["latest"]), ("0.1.0", [])]
