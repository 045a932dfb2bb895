"""Which plugins are found, imported and refused, with real distributions on the import path."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest

from facilitator.errors import ConfigInvalidError, PluginError
from facilitator.plugin.discovery import ROLES, available_plugins
from facilitator.plugin.loading import configure, load_plugins
from facilitator.settings.installed import installed_plugins


class Shelf(Protocol):
    folder: Path

    def add(self, name: str, source: str = "", **options: Any) -> str: ...


def refusal(*names: str) -> str:
    with pytest.raises(PluginError) as raised:
        load_plugins(names)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_only_named_plugins_are_imported(shelf: Shelf) -> None:
    shelf.add("wanted")
    shelf.add("unwanted", "raise SystemExit('imported')")
    assert load_plugins(["wanted"]).names == ("wanted",)
    assert "shelved_wanted" in sys.modules
    assert "shelved_unwanted" not in sys.modules


def test_no_plugins_is_fine() -> None:
    assert load_plugins([]).names == ()


def test_an_unknown_plugin_gets_a_suggestion(shelf: Shelf) -> None:
    shelf.add("redislike")
    assert refusal("redislik") == (
        "unknown plugin 'redislik', did you mean redislike? "
        "Installed are blockfrost, blockfrost_backup, channels, channels_watcher, dashboard, "
        "devnet, koios, masumi, memory, ogmios, postgres, prometheus, redis, redislike, sentry, "
        "sqlite"
    )
    assert "; installed are " in refusal("qqq")
    assert "sqlite" in refusal("qqq")


def test_a_missing_extra_says_what_to_install(shelf: Shelf) -> None:
    shelf.add("cache", "import absent_client", distribution="pay-extras", extras=("cache",))
    assert refusal("cache") == (
        "plugin 'cache' needs packages that are not installed: pip install \"pay-extras[cache]\""
    )


def test_a_missing_module_without_extra_is_named(shelf: Shelf) -> None:
    shelf.add("cache", "import absent_client", extras=("other",))
    assert refusal("cache") == (
        "plugin 'cache' needs the module absent_client, which is not installed"
    )


def test_a_missing_plugin_module_is_no_missing_extra(shelf: Shelf) -> None:
    shelf.add("gone", target="absent_plugin", extras=("gone",))
    assert refusal("gone") == (
        "plugin 'gone' needs the module absent_plugin, which is not installed"
    )


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise RuntimeError('boom\\nline')", "cannot be imported: RuntimeError: boom line"),
        ("def broken(:", "cannot be imported: SyntaxError"),
        ("from facilitator import absent", "cannot be imported: ImportError"),
    ],
)
def test_what_an_import_raises_is_told(shelf: Shelf, source: str, told: str) -> None:
    shelf.add("broken", source)
    assert told in refusal("broken")


def test_an_absent_attribute_is_told(shelf: Shelf) -> None:
    shelf.add("broken", target="shelved_broken:absent")
    assert "cannot be imported: AttributeError" in refusal("broken")


def test_two_distributions_with_one_name_are_refused(shelf: Shelf) -> None:
    shelf.add("twin", distribution="first-dist")
    shelf.add("twin", distribution="second-dist")
    assert refusal("twin") == (
        "plugin 'twin' is provided by first-dist and second-dist: uninstall all but one"
    )


@pytest.mark.parametrize(
    ("implementation", "told"),
    [
        (
            "def before_verifi(payment): ...",
            "implements before_verifi, which is no hook, did you mean before_verify?",
        ),
        ("def before_verify(paiment): ...", "paiment"),
        ("def before_verify(payment=None): ...", "gives a default to payment"),
        ("async def before_verify(payment): ...", "makes its hook before_verify async"),
    ],
)
def test_hooks_that_do_not_fit_are_refused(shelf: Shelf, implementation: str, told: str) -> None:
    shelf.add("unfit", f"@hookimpl\n{implementation}")
    message = refusal("unfit")
    assert message.startswith("plugin 'unfit' ")
    assert told in message


def test_a_class_is_refused(shelf: Shelf) -> None:
    shelf.add("kind", "class Kind: ...", target="shelved_kind:Kind")
    assert "must be a module or an object" in refusal("kind")


def test_an_object_will_do(shelf: Shelf) -> None:
    source = """
        class Kind:
            @hookimpl
            def routes(self):
                return {"/here": self}
        kind = Kind()
    """
    shelf.add("kind", source, target="shelved_kind:kind")
    assert load_plugins(["kind"]).has("routes")


def test_one_object_under_two_names_is_refused(shelf: Shelf) -> None:
    shelf.add("first")
    shelf.add("second", target="shelved_first")
    assert "plugin 'second' does not fit" in refusal("first", "second")


def test_the_list_tells_roles_versions_and_problems(shelf: Shelf) -> None:
    shelf.add("good", "@hookimpl\ndef storage(): ...\n@hookimpl\ndef after_settle(): ...")
    shelf.add("bad", "import absent_client")
    listed = {plugin.name: plugin for plugin in available_plugins(["good", "lost"])}
    good, bad, lost = listed["good"], listed["bad"], listed["lost"]
    assert (good.distribution, good.version, good.enabled) == ("dist-good", "1.2", True)
    assert good.roles == ("storage", "observer")
    assert good.problem is None
    assert not bad.enabled
    assert "absent_client" in (bad.problem or "")
    assert lost.enabled
    assert "unknown plugin 'lost'" in (lost.problem or "")


def test_every_hook_of_a_payment_has_a_role() -> None:
    from facilitator.plugin import hookspecs

    hooks = {name for name, value in vars(hookspecs).items() if hasattr(value, "facilitator_spec")}
    assert hooks - set(ROLES) == {"settings_sections", "startup", "shutdown"}
    assert set(ROLES) <= hooks


def test_settings_and_plugins_together(shelf: Shelf, tmp_path: Path) -> None:
    source = """
        from dataclasses import dataclass
        from facilitator.plugin import setting

        @dataclass(frozen=True)
        class Table:
            token: str = setting(None, "Token.", required="A token is required", secret=True)

        @hookimpl
        def settings_sections():
            return {"tokened": Table}
    """
    shelf.add("tokened", source)
    environ = {"FACILITATOR_PLUGINS": "tokened", "FACILITATOR_TOKENED__TOKEN": "t"}
    settings, plugins = configure(None, environ, tmp_path)
    assert plugins.names == settings.plugins == ("tokened",)
    assert settings.secrets() == ("t",)
    del environ["FACILITATOR_TOKENED__TOKEN"]
    with pytest.raises(ConfigInvalidError, match=r"^tokened\.token: A token is required$"):
        configure(None, environ, tmp_path)


def test_a_plugin_problem_comes_with_all_others(tmp_path: Path) -> None:
    environ = {
        "FACILITATOR_PLUGINS": "sqlit",
        "FACILITATOR_SQLIT__PATH": "x",
        "FACILITATOR_DEVNET__BLOCK_SECONDS": "1",
        "FACILITATOR_SERVER__PORT": "x",
    }
    with pytest.raises(ConfigInvalidError) as raised:
        configure(None, environ, tmp_path)
    assert str(raised.value).splitlines() == [
        "server.port: must be a whole number (environment variable FACILITATOR_SERVER__PORT)",
        "plugins: unknown plugin 'sqlit', did you mean sqlite? "
        "Installed are blockfrost, blockfrost_backup, channels, channels_watcher, dashboard, "
        "devnet, koios, masumi, memory, ogmios, postgres, prometheus, redis, sentry, sqlite",
    ]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "def settings_sections(): return {'server': Table}",
            "settings table server, as does the core",
        ),
        ("def settings_sections(): return {'x': int}", "must be declared by a dataclass"),
        ("def settings_sections(): return {'x': Plain}", "is declared wrongly: Plain.port"),
        ("def settings_sections(): raise OSError('boom')", "failed in settings_sections: OSError"),
    ],
)
def test_wrong_settings_tables_are_refused(
    shelf: Shelf, tmp_path: Path, source: str, told: str
) -> None:
    declarations = (
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\nclass Table: ...\n"
        "@dataclass(frozen=True)\nclass Plain:\n    port: int = 1\n"
    )
    shelf.add("tables", f"{declarations}@hookimpl\n{source}")
    with pytest.raises(ConfigInvalidError) as raised:
        configure(None, {"FACILITATOR_PLUGINS": "tables"}, tmp_path)
    assert told in str(raised.value)


def test_a_plugin_that_is_installed_meanwhile_is_found(shelf: Shelf) -> None:
    shelf.add("earlier")
    assert "earlier" in installed_plugins()
    shelf.add("later")
    assert {"earlier", "later"} <= installed_plugins()
    load_plugins(["later"])


def test_in_a_fresh_interpreter_nothing_else_is_imported(shelf: Shelf) -> None:
    shelf.add("lonely")
    program = (
        "import sys; from facilitator.plugin.loading import load_plugins; load_plugins(['lonely']);"
        "print(sorted(n for n in sys.modules"
        " if n in ('plugins', 'pycardano') or n.startswith('facilitator_')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(shelf.folder)},
        cwd=shelf.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
