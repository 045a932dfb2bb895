"""Plugins that misbehave in every hook, in ten ways."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from facilitator.plugin.manager import Plugins
from facilitator.testing.waiting import DEADLINE_SECONDS

LONG = DEADLINE_SECONDS
"""A limit that no call reaches that is not meant to."""
SHORT = 0.5
"""The limit of a call that never returns."""
FAULTS = "facilitator_plugin_faults_total"
DROPPED = "facilitator_plugin_dropped_calls_total"

HEADER = """
import logging
import sys
import threading
import time
from facilitator import hookimpl

calls = []
# The tests set it, so that no thread outlives them.
forever = threading.Event()


def corrupt(value):
    if isinstance(value, dict):
        value.clear()
        return
    names = getattr(type(value), "__dataclass_fields__", ())
    for name in list(names):
        held = getattr(value, name)
        if isinstance(held, dict):
            held.clear()
            held["planted"] = True
        elif hasattr(type(held), "__dataclass_fields__"):
            corrupt(held)
        try:
            object.__setattr__(value, name, "planted")
        except AttributeError:
            pass


def wait():
    forever.wait()


def leak():
    for _ in range(3):
        threading.Thread(target=wait, name="leaked", daemon={daemon}).start()


def flood():
    for number in range(300):
        logging.getLogger("flood").warning("flood %s", number)
"""
WAYS: Mapping[str, str] = {
    "raises": "raise RuntimeError('on purpose')",
    "exits": "sys.exit(3)",
    "interrupts": "raise KeyboardInterrupt",
    "hangs": "forever.wait()",
    "returns nonsense": "return object()",
    "leaks threads": "leak()",
    "blocks shutdown": "",
    "floods": "flood()",
    "mutates": "[corrupt(each) for each in ({arguments})]",
    "is slow": "time.sleep(0.05)",
}
"""The way to the body of a function."""
FAILS = ("raises", "exits", "interrupts", "hangs")
"""The ways in which there is no answer."""


def misbehaving(hooks: Mapping[str, tuple[str, ...]], way: str, *, daemon: bool = True) -> str:
    """Return the source of a plugin that does so in these hooks, by name with their arguments."""
    source = HEADER.replace("{daemon}", str(daemon))
    for hook, names in hooks.items():
        arguments = ", ".join(names)
        act = WAYS[way].replace("{arguments}", f"{arguments}," if arguments else "")
        source += (
            f"\n\n@hookimpl\ndef {hook}({arguments}):\n    calls.append({hook!r})\n    {act}\n"
        )
    if way == "blocks shutdown" and "shutdown" not in hooks:
        source += "\n\n@hookimpl\ndef shutdown():\n    forever.wait()\n"
    return source


class CountingMeter:
    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def count(self, metric: Any, amount: float = 1, /, **labels: str) -> None:
        self.counts[(metric.name, *labels.values())] += int(amount)

    def observe(self, metric: Any, value: float, /, **labels: str) -> None: ...

    def gauge(self, metric: Any, read: Callable[[], float], /, **labels: str) -> None: ...


def counting(plugins: Plugins) -> Counter[tuple[str, ...]]:
    meter = CountingMeter()
    plugins.count_with(meter)
    return meter.counts


def calls(name: str) -> list[Any]:
    return list(sys.modules[f"shelved_{name}"].calls)


def limit(way: str) -> float:
    return SHORT if way == "hangs" else LONG
