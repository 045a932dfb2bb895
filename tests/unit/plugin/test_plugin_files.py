"""Plugins that are one file, named by its path."""

from pathlib import Path

import pytest

from facilitator.errors import ConfigInvalidError
from facilitator.plugin.loading import configure
from facilitator.testing.pytest_plugin import MakePayer, RunFacilitator

GATE = """
from dataclasses import dataclass
from facilitator.plugin import Refusal, hookimpl, setting

@dataclass(frozen=True)
class Table:
    word: str = setting("closed", "What to say.")

@hookimpl
def settings_sections():
    return {"shop_gate": Table}

@hookimpl
def before_verify(payment):
    return Refusal("we are closed", "closed")
"""


def test_a_file_is_a_plugin(
    tmp_path: Path, run_facilitator: RunFacilitator, make_payer: MakePayer
) -> None:
    (tmp_path / "shop_gate.py").write_text(GATE)
    running = run_facilitator(plugins="devnet,memory,./shop_gate.py")
    assert make_payer(running).pay()["invalidReason"] == "closed"


def test_its_path_begins_where_the_settings_are(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "shop_gate.py").write_text(GATE)
    (folder / "s.toml").write_text(
        '[default]\nplugins = ["devnet", "memory", "./shop_gate.py"]\n'
        '[default.shop_gate]\nword = "hi"\n'
    )
    settings, plugins = configure("etc/s.toml", environ={}, cwd=tmp_path)
    assert settings.plugins == plugins.names == ("devnet", "memory", "shop_gate")
    assert [each.word for each in settings.sections if hasattr(each, "word")] == ["hi"]


def test_an_object_named_plugin_is_the_plugin(tmp_path: Path) -> None:
    source = GATE.replace("@hookimpl\ndef before_verify(payment):", "class Plugin:\n  @hookimpl\n"
                          "  def before_verify(self, payment):").replace("    return Ref", "      return Ref")  # fmt: skip  # noqa: E501
    (tmp_path / "own.py").write_text(source + "\nplugin = Plugin()\n")
    _, plugins = configure(environ={"FACILITATOR_PLUGINS": "devnet,memory,./own.py"}, cwd=tmp_path)
    assert plugins.has("before_verify")


@pytest.mark.parametrize(
    ("entry", "source", "complaint"),
    [
        ("./none.py", None, r"plugin 'none': there is no file .*none\.py"),
        ("./bad.py", "x = (\n", r"'bad' cannot be imported from .*bad\.py, line 1: SyntaxError"),
        ("./bad.py", "1 / 0\n", r"'bad' cannot be imported from .*: ZeroDivisionError"),
        ("./bad.py", "import nowhere_at_all\n", "'bad' needs the module nowhere_at_all"),
        ("./memory.py", "", "names memory more than once"),
        ("./sqlite.py", "", "plugin 'sqlite' is installed, too"),
        ("./My-Plugin.py", "", "is no file of a plugin"),
        ("folder/plugin", "", "is no file of a plugin"),
    ],
)
def test_a_file_that_cannot_be_used(
    tmp_path: Path, entry: str, source: str | None, complaint: str
) -> None:
    if source is not None:
        (tmp_path / entry).parent.mkdir(exist_ok=True)
        (tmp_path / entry).write_text(source)
    with pytest.raises(ConfigInvalidError, match=complaint):
        configure(environ={"FACILITATOR_PLUGINS": f"devnet,memory,{entry}"}, cwd=tmp_path)


def test_a_file_hides_no_module(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("")
    configure(environ={"FACILITATOR_PLUGINS": "devnet,memory,./json.py"}, cwd=tmp_path)
    import json

    assert json.loads("1") == 1
