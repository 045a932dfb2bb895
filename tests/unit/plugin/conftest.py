"""Throw-away distributions: a module and the metadata that an installer would have written."""

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from facilitator.plugin.loading import load_plugins
from facilitator.plugin.manager import Plugins
from facilitator.settings import HookSettings
from support.misbehaving import LONG


class Shelf:
    """A folder of installed distributions that is on the import path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self,
        name: str,
        source: str = "",
        *,
        distribution: str | None = None,
        target: str | None = None,
        extras: tuple[str, ...] = (),
    ) -> str:
        """Install a plugin whose module holds ``source``; return the plugin's name."""
        module = f"shelved_{name}"
        header = "from facilitator import hookimpl\n"
        (self.folder / f"{module}.py").write_text(header + textwrap.dedent(source))
        owner = distribution or f"dist-{name}"
        info = self.folder / f"{owner.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        provided = "".join(f"Provides-Extra: {extra}\n" for extra in extras)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {owner}\nVersion: 1.2\n{provided}"
        )
        (info / "entry_points.txt").write_text(
            f"[facilitator.plugins]\n{name} = {target or module}\n"
        )
        return name


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield Shelf(folder)
    for module in [name for name in sys.modules if name.startswith("shelved_")]:
        del sys.modules[module]


@pytest.fixture
def install(shelf: Shelf) -> Iterator[Callable[..., Plugins]]:
    """Load the plugin ``bad`` between two good ones, with limits."""

    def load(source: str, *, good: str = "", **limits: Any) -> Plugins:
        names = [shelf.add("first", good), shelf.add("bad", source), shelf.add("last", good)]
        plugins = load_plugins(names)
        defaults = {"gate_seconds": LONG, "observer_seconds": LONG, "start_seconds": LONG}
        plugins.limits = HookSettings(**{**defaults, **limits})
        return plugins

    yield load
    for name, module in list(sys.modules.items()):
        if name.startswith("shelved_") and hasattr(module, "forever"):
            module.forever.set()
