"""The faults of plugins: named in the log, in ``/health``, in a metric, to error reporters."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from facilitator.observability.metrics import PLUGIN_DROPPED, PLUGIN_FAULTS
from facilitator.roles.metrics import NO_METER, Counter, Meter

_log = logging.getLogger("facilitator.plugins")

RECENT_SECONDS = 60.0
"""Time for which ``/health`` shows that a plugin failed."""
REPORT_SECONDS = 60.0
"""Interval in which faults of one kind are reported once: each call may be one."""

OnError: TypeAlias = Callable[[BaseException, Mapping[str, str]], None]

_OF_METER = ("count", "observe", "gauge")
"""Methods whose faults are not counted: that would call them again."""


class PluginFaults:
    """The faults of all plugins. Safe to use from many threads."""

    def __init__(self) -> None:
        """Count nothing, and report to the log alone."""
        self.on_error: OnError | None = None
        self.meter: Meter = NO_METER
        self._lock = threading.Lock()
        self._latest: dict[str, tuple[str, float]] = {}
        self._hanging: dict[str, list[str]] = {}
        """By plugin, the hooks and methods that have not returned."""
        self._off: dict[str, str] = {}
        self._silent_until: dict[tuple[str, ...], float] = {}

    def recent(self) -> Mapping[str, str]:
        """Return by plugin a sentence on its fault, for ``/health``.

        That of the last minute, or one that lasts.
        """
        since = time.monotonic() - RECENT_SECONDS
        with self._lock:
            latest = {plugin: what for plugin, (what, at) in self._latest.items() if at > since}
            hanging = {plugin: f"hangs in {hooks[0]}" for plugin, hooks in self._hanging.items()}
            return latest | hanging | self._off

    def failed(self, error: BaseException, plugin: str, hook: str) -> None:
        """Report what a hook or method raised."""
        kind = (plugin, hook, type(error).__name__)
        self._take(plugin, hook, f"failed in {hook}", PLUGIN_FAULTS)
        if self._is_due(kind):
            self._report(error, f"plugin {plugin} failed in {hook}", plugin, hook)

    def hangs(self, error: BaseException, plugin: str, hook: str) -> None:
        """Report that a hook or method does not return."""
        self._take(plugin, hook, f"hangs in {hook}", PLUGIN_FAULTS)
        if self._is_due((plugin, hook, "hangs")):
            self._report(error, f"plugin {plugin} hangs in {hook}: {error}", plugin, hook)

    def hangs_on(self, plugin: str, hook: str) -> None:
        """Show that it hangs for as long as it does, until :meth:`returned`."""
        with self._lock:
            self._hanging.setdefault(plugin, []).append(hook)

    def returned(self, plugin: str, hook: str) -> None:
        """Show that call no longer than any other fault."""
        with self._lock:
            hooks = self._hanging.get(plugin, [])
            if hook in hooks:
                hooks.remove(hook)
            if not hooks:
                self._hanging.pop(plugin, None)

    def dropped(self, plugin: str, hook: str) -> None:
        """Report that a call was not made, since too many wait already or none may be made."""
        if plugin in self._off:
            self._count(PLUGIN_DROPPED, plugin, hook)
            return
        self._take(plugin, hook, f"misses calls of {hook}: too many wait", PLUGIN_DROPPED)
        if self._is_due((plugin, hook, "dropped")):
            message = "plugin %s is too slow for %s: calls of it are dropped"
            _log.error(message, plugin, hook, extra={"plugin": plugin})

    def switched_off(self, plugin: str, hook: str) -> None:
        """Report that the plugin observes nothing any more, for the faults of this hook."""
        with self._lock:
            self._off[plugin] = f"is switched off until a restart, for its faults in {hook}"
        message = "plugin %s observes nothing any more, for its faults in %s: mend it and restart"
        _log.error(message, plugin, hook, extra={"plugin": plugin})

    def _take(self, plugin: str, hook: str, what: str, metric: Counter) -> None:
        with self._lock:
            self._latest[plugin] = what, time.monotonic()
        self._count(metric, plugin, hook)

    def _count(self, metric: Counter, plugin: str, hook: str) -> None:
        if hook not in _OF_METER:
            self.meter.count(metric, plugin=plugin, hook=hook)

    def _is_due(self, kind: tuple[str, ...]) -> bool:
        now = time.monotonic()
        with self._lock:
            is_due = now >= self._silent_until.get(kind, 0.0)
            if is_due:
                self._silent_until[kind] = now + REPORT_SECONDS
            return is_due

    def _report(self, error: BaseException, message: str, plugin: str, hook: str) -> None:
        _log.error("%s", message, exc_info=error, extra={"plugin": plugin})
        if self.on_error is None:
            return
        try:
            self.on_error(error, {"plugin": plugin, "hook": hook})
        except Exception:
            _log.exception("reporting the error of plugin %s failed", plugin)
