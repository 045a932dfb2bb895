"""Functions that plugins have called when settings change: foreign code in the reload's thread."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from facilitator.clock import SystemClock
from facilitator.errors import PluginError
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins
from facilitator.settings import load_settings
from facilitator.settings.subscription import Apply
from facilitator.testing.waiting import eventually
from support.misbehaving import FAILS, SHORT, WAYS, limit, misbehaving

SUBSCRIBES = """

@hookimpl
def startup(context):
    def changed(settings):
        calls.append(settings)
        {act}
    context.subscribe(changed)
"""
GOOD = """
calls = []
@hookimpl
def startup(context):
    context.subscribe(calls.append)
"""


@pytest.mark.parametrize("way", FAILS)
def test_a_plugin_that_cannot_take_changed_settings_is_named_and_harms_nobody(
    install: Callable[..., Plugins], tmp_path: Path, way: str
) -> None:
    subscribed: list[Apply] = []
    settings = load_settings(None, {}, tmp_path)
    context = Context(settings, SystemClock(), subscribe=subscribed.append)
    source = misbehaving({}, "is slow") + SUBSCRIBES.replace("{act}", WAYS[way])
    plugins = install(source, good=GOOD, gate_seconds=limit(way))
    plugins.startup(context)
    changed = replace(settings, environment="preview")
    first, bad, *others = subscribed
    first(changed)
    with pytest.raises(PluginError, match="plugin 'bad' failed in subscribe"):
        bad(changed)
    for apply in others:
        apply(changed)
    for name in ("first", "bad", "last"):
        assert sys.modules[f"shelved_{name}"].calls == [changed]
    assert plugins.recent_faults().keys() == {"bad"}
    assert plugins.recent_faults()["bad"].endswith(" in subscribe")


SLOW = """
import threading

calls, forever = [], threading.Event()

@hookimpl
def startup(context):
    def changed(settings):
        if settings.environment == "older":
            forever.wait()
        calls.append(settings.environment)
    context.subscribe(changed)
"""


def test_a_call_that_is_late_leaves_the_newest_settings_in_force(
    install: Callable[..., Plugins], tmp_path: Path
) -> None:
    """It cannot be ended, and may put the older ones into effect after its time."""
    subscribed: list[Apply] = []
    settings = load_settings(None, {}, tmp_path)
    context = Context(settings, SystemClock(), subscribe=subscribed.append)
    install(SLOW, gate_seconds=SHORT).startup(context)
    (apply,) = subscribed
    slow = sys.modules["shelved_bad"]
    for environment in ("older", "newer"):
        with suppress(PluginError):
            apply(replace(settings, environment=environment))
    slow.forever.set()
    eventually(lambda: len(slow.calls) == 2)
    assert slow.calls == ["older", "newer"]
