"""Functions that are probably meant as hooks, but lack the marker."""

import logging
from pathlib import Path
from typing import Any, Protocol

import pytest

from facilitator.plugin.discovery import available_plugins
from facilitator.plugin.loading import load_plugins
from facilitator.testing.pytest_plugin import RunFacilitator

MARKED = "@hookimpl\ndef after_settle(): ...\n"


class Shelf(Protocol):
    folder: Path

    def add(self, name: str, source: str = "", **options: Any) -> str: ...


def missing(name: str, hook: str) -> str:
    return (
        f"plugin '{name}' has a function {hook} without hookimpl, so it is never called as a hook"
    )


@pytest.mark.parametrize(
    ("source", "hooks"),
    [
        ("def before_settle(payment): ...", ["before_settle"]),
        ("def storage(): ...\ndef startup(context): ...", ["storage", "startup"]),
        ("def before_settle(wrong, arguments=1): ...", ["before_settle"]),
        ("async def after_verify(payment): ...", ["after_verify"]),
        ("from pluggy import HookimplMarker\n"
         "@HookimplMarker('another')\ndef before_verify(payment): ...", ["before_verify"]),
        ("before_settle = lambda payment: None", ["before_settle"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("others", ["", MARKED])
def test_a_function_named_like_a_hook_is_named(
    shelf: Shelf, source: str, hooks: list[str], others: str
) -> None:
    shelf.add("unmarked", f"{source}\n{others}")
    assert sorted(load_plugins(["unmarked"]).warnings) == sorted(
        missing("unmarked", hook) for hook in hooks
    )


@pytest.mark.parametrize("mark", ["", "@staticmethod", "@classmethod"])
def test_so_is_a_method(shelf: Shelf, mark: str) -> None:
    source = f"""
        class Base:
            {mark}
            def before_settle(*_): ...
        class Kind(Base): ...
        kind = Kind()
    """
    shelf.add("kind", source, target="shelved_kind:kind")
    assert load_plugins(["kind"]).warnings == (missing("kind", "before_settle"),)


@pytest.mark.parametrize(
    "source",
    [
        MARKED,
        f"from facilitator_devnet.genesis import wallets\n{MARKED}",
        f"import shutil as storage\nmeter = 1\nroutes = {{}}\n{MARKED}",
        f"def _storage(): ...\ndef settle(): ...\n{MARKED}",
        f"class storage: ...\n{MARKED}",
    ],
)
def test_what_is_no_function_of_its_own_is_left_alone(shelf: Shelf, source: str) -> None:
    shelf.add("tools", source)
    assert load_plugins(["tools"]).warnings == ()


def test_a_plugin_without_any_hook_is_named(shelf: Shelf) -> None:
    shelf.add("empty")
    assert load_plugins(["empty"]).warnings == (
        "plugin 'empty' implements no hook, so it does nothing",
    )


def test_the_built_in_plugins_have_none() -> None:
    shipped = [each for each in available_plugins([]) if each.name != "empty"]
    assert {each.name: each.warnings for each in shipped if each.warnings} == {}


def test_the_log_says_it_at_start(
    run_facilitator: RunFacilitator, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.add("unmarked", f"def before_settle(payment): ...\n{MARKED}")
    with caplog.at_level(logging.WARNING, "facilitator.plugins"):
        run_facilitator(plugins="devnet,memory,unmarked")
    assert missing("unmarked", "before_settle") in caplog.messages


def test_the_list_says_it(shelf: Shelf) -> None:
    shelf.add("unmarked", "def before_settle(payment): ...")
    (listed,) = [each for each in available_plugins([]) if each.name == "unmarked"]
    assert listed.warnings == (missing("unmarked", "before_settle"),)
    assert listed.problem is None
