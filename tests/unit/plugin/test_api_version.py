"""The version of the plugin API that a plugin was written for."""

import re
from pathlib import Path
from typing import Any, Protocol

import pytest

from facilitator.errors import ConfigInvalidError, PluginError
from facilitator.plugin import API_VERSION
from facilitator.plugin.discovery import available_plugins
from facilitator.plugin.loading import configure, load_plugins

MAJOR, MINOR = map(int, API_VERSION.split("."))
HOOK = "\n@hookimpl\ndef after_settle(): ...\n"


class Shelf(Protocol):
    def add(self, name: str, source: str = "", **options: Any) -> str: ...


@pytest.mark.parametrize("version", [f"{MAJOR}", f"{MAJOR}.0", API_VERSION])
def test_a_plugin_of_this_version_is_taken(shelf: Shelf, version: str) -> None:
    shelf.add("dated", f"facilitator_api = {version!r}{HOOK}")
    assert load_plugins(["dated"]).has("after_settle")


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        (f"{MAJOR + 1}", "install a newer facilitator"),
        (f"{MAJOR + 1}.{MINOR}", "install a newer facilitator"),
        (f"{MAJOR}.{MINOR + 1}", "install a newer facilitator"),
        (f"{MAJOR - 1}.{MINOR}", "install a newer plugin"),
    ],
)
def test_a_plugin_of_another_version_is_refused(shelf: Shelf, version: str, remedy: str) -> None:
    shelf.add("dated", f"facilitator_api = {version!r}{HOOK}")
    with pytest.raises(PluginError) as refused:
        load_plugins(["dated"])
    assert str(refused.value) == (
        f"plugin 'dated' was written for version {version} of the plugin API, and this facilitator"
        f" has {API_VERSION}: {remedy}"
    )


NO_VERSIONS = ["1", "(1, 0)", "1.0", "b'1'", "[]", "''", "'1.0.0'", "'v1'", "'1.'"]
NO_VERSIONS += ["'1\\n'", "'-1'", "'01'", "'²'", "'9' * 5000"]


@pytest.mark.parametrize("version", NO_VERSIONS)
def test_what_is_no_version_is_refused(shelf: Shelf, version: str) -> None:
    shelf.add("dated", f"facilitator_api = {version}{HOOK}")
    with pytest.raises(PluginError, match="which is no version: write it as a text") as refused:
        load_plugins(["dated"])
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_an_object_may_name_it_or_leave_it_to_its_module(shelf: Shelf) -> None:
    kind = "class Kind:\n    {}\n    @hookimpl\n    def after_settle(self): ...\nkind = Kind()\n"
    shelf.add("own", kind.format("facilitator_api = '999'"), target="shelved_own:kind")
    shelf.add("left", "facilitator_api = '999'\n" + kind.format(""), target="shelved_left:kind")
    for name in ("own", "left"):
        with pytest.raises(PluginError, match="was written for version 999"):
            load_plugins([name])


def test_it_says_so_before_what_follows_from_it(shelf: Shelf) -> None:
    """A hook of a later version is none here."""
    shelf.add("later", "facilitator_api = '999'\n@hookimpl\ndef before_lunch(): ...\n")
    with pytest.raises(PluginError, match="install a newer facilitator"):
        load_plugins(["later"])


def test_a_file_may_name_it(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("facilitator_api = '999'\n")
    environ = {"FACILITATOR_PLUGINS": "devnet,memory,./own.py"}
    with pytest.raises(ConfigInvalidError, match=r"^plugins: plugin 'own' was written for .* 999"):
        configure(environ=environ, cwd=tmp_path)


def test_the_list_shows_it(shelf: Shelf) -> None:
    shelf.add("dated", f"facilitator_api = {API_VERSION!r}{HOOK}")
    shelf.add("later", f"facilitator_api = '999'{HOOK}")
    shelf.add("silent", HOOK)
    listed = {plugin.name: plugin for plugin in available_plugins([])}
    assert [listed[name].api for name in ("dated", "silent")] == [API_VERSION, None]
    assert "install a newer facilitator" in (listed["later"].problem or "")


def test_a_new_plugin_names_this_version() -> None:
    templates = Path(__file__).parents[3] / "facilitator/cli/templates"
    if not templates.is_dir():
        import facilitator.cli

        templates = Path(facilitator.cli.__path__[0]) / "templates"
    written = [path.read_text() for path in templates.glob("*/plugin.py.txt")]
    assert len(written) == 11
    for text in written:
        assert re.findall(r'^facilitator_api = "(.*)"$', text, re.M) == [API_VERSION]
