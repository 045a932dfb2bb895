"""Hooks that one plugin defines and others implement."""

import sys
from typing import Any, Protocol

import pytest

from facilitator.errors import PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.discovery import available_plugins
from facilitator.plugin.loading import load_plugins
from facilitator.plugin.manager import Plugins
from facilitator.plugin.own_hooks import NO_HOOKS
from facilitator.settings import HookSettings

DEFINES = '''
from facilitator.plugin import hookspec

@hookspec
def shop_prices(country):
    """Return prices."""

@hookimpl
def health_checks():
    return {}
'''
IMPLEMENTS = "@hookimpl\ndef shop_prices(country): return {answer}"


class Shelf(Protocol):
    def add(self, name: str, source: str = "", **options: Any) -> str: ...


def shops(shelf: Shelf, **sources: str) -> Plugins:
    """The plugins of these sources, and first the one that implements before all that defines."""
    names = [shelf.add(name, source) for name, source in sources.items()]
    return load_plugins([*names, shelf.add("shop", DEFINES)])


def answering(answer: object) -> str:
    return IMPLEMENTS.format(answer=answer)


def test_each_answer_at_the_start_comes_with_its_plugin(shelf: Shelf) -> None:
    plugins = shops(shelf, one="", two=answering("country * 2"), three=answering("None"))
    assert plugins.provided("shop_prices", country="ab") == [("two", "abab")]
    assert plugins.first("shop_prices", country="ab") == "abab"
    assert plugins.warnings == ("plugin 'one' implements no hook, so it does nothing",)


def test_the_first_answer_counts_in_the_order_of_the_plugins(shelf: Shelf) -> None:
    plugins = shops(shelf, one=answering("None"), two=answering("2"), three=answering("3"))
    assert plugins.first("shop_prices", country="ab") == 2
    assert plugins.provided("shop_prices", country="ab") == [("two", 2), ("three", 3)]


def test_without_an_answer_there_is_none(shelf: Shelf) -> None:
    plugins = shops(shelf)
    assert plugins.first("shop_prices", country="ab") is None
    assert plugins.provided("shop_prices", country="ab") == []


@pytest.mark.parametrize("failing", ["1 / 0", "__import__('sys').exit()"])
def test_a_plugin_that_fails_is_named_and_reported(shelf: Shelf, failing: str) -> None:
    plugins = shops(shelf, bad=answering(failing))
    with pytest.raises(PluginError, match="plugin 'bad' failed in shop_prices"):
        plugins.first("shop_prices", country="ab")
    with pytest.raises(PluginError, match="plugin 'bad' failed in shop_prices"):
        plugins.provided("shop_prices", country="ab")
    assert "shop_prices" in plugins.recent_faults()["bad"]


def test_one_that_hangs_is_not_waited_for(shelf: Shelf) -> None:
    source = "import threading\nforever = threading.Event()\n" + answering("forever.wait()")
    plugins = shops(shelf, bad=source)
    plugins.limits = HookSettings(gate_seconds=0.1)
    with pytest.raises(PluginError, match="plugin 'bad' failed in shop_prices"):
        plugins.first("shop_prices", country="ab")
    sys.modules["shelved_bad"].forever.set()


def test_hooks_of_the_core_are_not_called_so(shelf: Shelf) -> None:
    plugins = shops(shelf)
    for hook in ("storage", "before_verify", "shop_price"):
        with pytest.raises(PluginError, match="not a hook that an enabled plugin defines"):
            plugins.first(hook)
        with pytest.raises(PluginError, match="not a hook that an enabled plugin defines"):
            plugins.provided(hook)


def test_arguments_are_checked_at_the_start(shelf: Shelf) -> None:
    shelf.add("bad", "@hookimpl\ndef shop_prices(city): ...")
    with pytest.raises(PluginError, match=r"plugin 'bad' does not fit: .*city"):
        load_plugins(["bad", shelf.add("shop", DEFINES)])


def test_without_the_plugin_that_defines_it_there_is_no_such_hook(shelf: Shelf) -> None:
    shelf.add("strict", answering("1"))
    shelf.add("free", answering("1").replace("@hookimpl", "@hookimpl(optionalhook=True)"))
    with pytest.raises(PluginError, match="plugin 'strict' implements shop_prices, which is no"):
        load_plugins(["free", "strict"])
    assert load_plugins(["free"]).names == ("free",)
    shelf.add("shop", DEFINES)
    plugins = load_plugins(["free", "strict", "shop"])
    assert plugins.provided("shop_prices", country="") == [("free", 1), ("strict", 1)]


@pytest.mark.parametrize("hook", ["storage", "shop_prices"])
def test_a_hook_is_defined_once(shelf: Shelf, hook: str) -> None:
    shelf.add("again", DEFINES.replace("shop_prices", hook))
    with pytest.raises(PluginError, match=f"plugin 'again' defines the hook {hook}, which there"):
        load_plugins([shelf.add("shop", DEFINES), "again"])


def test_the_list_of_plugins_knows_the_hooks_of_those_installed(shelf: Shelf) -> None:
    shelf.add("prices", answering("1"))
    shelf.add("shop", DEFINES)
    shelf.add("again", DEFINES)
    infos = {info.name: info for info in available_plugins([])}
    for name in ("prices", "shop", "again"):
        assert infos[name].problem is None
        assert infos[name].warnings == ()
    assert infos["shop"].roles == ("health checks",)


def test_a_context_without_plugins_has_no_hooks() -> None:
    assert Context.__dataclass_fields__["hooks"].default is NO_HOOKS
    assert NO_HOOKS.first("shop_prices") is None
    assert NO_HOOKS.provided("shop_prices") == []
