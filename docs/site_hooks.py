"""Hooks of MkDocs: the menu from ``index.md``, drawn diagrams, and links that leave ``docs/``.

``docs/`` is made to be read as it lies. Here its pages get what a site needs beside that.
"""

import posixpath
import re
from base64 import b64encode
from html import escape
from pathlib import Path
from typing import Any

from markdown_svgbob.wrapper import text2svg
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
BESIDE = ("CHANGELOG.md", "SECURITY.md")
"""Documents of the repository that belong to the site."""

_SECTION = re.compile(r"^\*\*(.+?)\*\*", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make each part of ``index.md`` a part of the menu."""
    text = (ROOT / "docs" / "index.md").read_text()
    parts = _SECTION.split(text)[1:]
    config.nav = [{"Start": "index.md"}]
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        before, _, decisions = body.partition("- Decisions: ")
        pages = _pages(before)
        if decisions:
            pages.append({"Decisions": _pages(decisions)})
        config.nav.append({name: pages})
    config.nav.append({"Project": list(BESIDE)})
    fences = {"custom_fences": [{"name": "bob", "class": "bob", "format": draw}]}
    config.mdx_configs["pymdownx.superfences"] = fences
    return config


def _pages(text: str) -> list[dict[str, Any]]:
    """Return the pages that the text links to, by their titles."""
    return [
        {title[:1].upper() + title[1:].replace("`", ""): target}
        for title, target in _LINK.findall(text)
        if target.endswith(".md") and not target.startswith("..")
    ]


def draw(source: str, *_: Any, **__: Any) -> str:
    """Return the diagram of the text as an image. Its text is what screen readers are given."""
    picture = b64encode(text2svg(source)).decode()
    return f'<img class="bob" alt="{escape(source)}" src="data:image/svg+xml;base64,{picture}">'


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents that lie beside ``docs/``."""
    for name in BESIDE:
        files.append(File.generated(config, name, content=(ROOT / name).read_text()))
    return files


def on_page_markdown(
    markdown: str,
    page: Page,
    config: MkDocsConfig,  # noqa: ARG001 -- MkDocs passes it
    files: Files,
) -> str:
    """Lead links to where their target lies on the site; keep the words of those that it lacks."""
    folder = posixpath.dirname(page.file.src_uri)
    origin = "" if page.file.src_uri in BESIDE else "docs"

    def lead(found: re.Match[str]) -> str:
        words, target = found.groups()
        path, hash_, anchor = target.partition("#")
        if not path or "://" in path:
            return found[0]
        there = posixpath.normpath(posixpath.join(origin, folder, path))
        there = there.removeprefix("docs/")
        if files.get_file_from_path(there) is None:
            return words
        return f"[{words}]({posixpath.relpath(there, folder or '.')}{hash_}{anchor})"

    return _LINK.sub(lead, markdown)
