"""Calls of hooks: one plugin after the other, with the rule of failure of the hook's kind."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

import pluggy

from facilitator.errors import FacilitatorError, PluginError, ends_process, one_line
from facilitator.plugin.border import guard
from facilitator.plugin.validation import contract_violation
from facilitator.roles.payment_hooks import Refusal
from facilitator.x402.reasons import Reason

_log = logging.getLogger("facilitator.plugins")

RECENT_SECONDS = 60.0
"""Time for which ``/health`` shows that a plugin failed."""

Value = TypeVar("Value")
OnError: TypeAlias = Callable[[BaseException, Mapping[str, str]], None]
_Caller: TypeAlias = Callable[..., list[Any]]


@dataclass(frozen=True, slots=True)
class FailedGate(Refusal):
    """The refusal that takes the place of a gate's answer when the gate fails."""


class HookCaller:
    """Calls the enabled plugins by hook. Safe to use from many threads."""

    def __init__(self, manager: pluggy.PluginManager, names: Sequence[str]) -> None:
        """Prepare the calls of the registered plugins, in the order of ``names``."""
        self.names = tuple(names)
        hooks = [hook for hook in vars(manager.hook) if not hook.startswith("_")]
        self._callers = {hook: tuple(_callers(manager, hook, self.names)) for hook in hooks}
        self._on_error: OnError | None = None
        self._faults: dict[str, tuple[str, float]] = {}

    def has(self, hook: str) -> bool:
        """Return True if any enabled plugin implements the hook."""
        return bool(self._callers[hook])

    def report_errors_to(self, on_error: OnError) -> None:
        """Pass errors of gates and observers to ``on_error`` from now on; they are logged too."""
        self._on_error = on_error

    def _collect(
        self, hook: str, only: Collection[str] | None = None, /, **arguments: Any
    ) -> list[tuple[str, Any]]:
        """Return every provided part with its plugin. Raises :class:`FacilitatorError`.

        ``only`` names the plugins to call, if not all are.
        """
        results = []
        for plugin, caller in self._callers[hook]:
            if only is not None and plugin not in only:
                continue
            try:
                returned = caller(**arguments)
            except FacilitatorError:
                raise
            except BaseException as error:
                if ends_process(error):
                    raise
                raise PluginError(
                    f"plugin '{plugin}' failed in {hook}: {one_line(error)}"
                ) from error
            for each in returned:
                if wrong := contract_violation(hook, each):
                    raise PluginError(f"plugin '{plugin}' returns from {hook} {wrong}")
                results.append((plugin, self._guarded(hook, each, plugin)))
        return results

    def _guarded(self, hook: str, part: Any, plugin: str) -> Any:
        return guard(hook, part, plugin, partial(self._part_failed, plugin))

    def _merge(
        self, hook: str, what: str, taken: Mapping[str, str] | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Return the union of the plugins' mappings. Raises :class:`PluginError` on a clash.

        ``taken`` has names that no plugin may bring, with their owners.
        """
        owners = dict(taken or {})
        merged = {}
        for plugin, own in self._collect(hook, **arguments):
            for key, value in own.items():
                if key in owners:
                    owner = owners[key]
                    raise PluginError(f"plugin '{plugin}' brings {what} {key}, as does {owner}")
                owners[key] = f"plugin '{plugin}'"
                merged[key] = self._guarded(hook, value, plugin)
        return merged

    def require_one(self, provided: list[tuple[str, Value]], what: str, remedy: str = "") -> Value:
        """Return the only part provided. Raises :class:`PluginError` for none, and for several."""
        if not provided:
            enabled = ", ".join(self.names) or "none"
            raise PluginError(
                f"no enabled plugin provides {what}: "
                f"name one that does in the setting plugins (enabled: {enabled})"
            )
        if len(provided) > 1:
            names = " and ".join(f"'{plugin}'" for plugin, _ in provided)
            raise PluginError(
                f"plugins {names} both provide {what}: enable only one of them{remedy}"
            )
        return provided[0][1]

    def _call_gate(self, hook: str, **arguments: Any) -> Refusal | None:
        """Return the first refusal, if any; a plugin that raises refuses."""
        for plugin, caller in self._callers[hook]:
            try:
                for answer in caller(**arguments):
                    if not isinstance(answer, Refusal):
                        raise TypeError(f"{hook} must return a Refusal or None")
                    return answer
            except BaseException as error:
                if ends_process(error):
                    raise
                self._report(error, plugin, hook)
                return FailedGate(
                    f"the check by plugin '{plugin}' failed, try again later",
                    Reason.VERIFICATION_ERROR,
                )
        return None

    def _notify(self, hook: str, *, last_first: bool = False, **arguments: Any) -> None:
        """Call every plugin; report what one raises, and go on."""
        callers = self._callers[hook]
        for plugin, caller in reversed(callers) if last_first else callers:
            try:
                caller(**arguments)
            except BaseException as error:
                if ends_process(error):
                    raise
                self._report(error, plugin, hook)

    def recent_faults(self) -> Mapping[str, str]:
        """Return by plugin the hook or method that failed in the last minute, for ``/health``."""
        since = time.monotonic() - RECENT_SECONDS
        return {plugin: hook for plugin, (hook, at) in list(self._faults.items()) if at > since}

    def _part_failed(self, plugin: str, error: BaseException, method: str, *, is_new: bool) -> None:
        if is_new:
            self._report(error, plugin, method)
        else:
            self._faults[plugin] = method, time.monotonic()

    def _report(self, error: BaseException, plugin: str, hook: str) -> None:
        self._faults[plugin] = hook, time.monotonic()
        _log.error("plugin %s failed in %s", plugin, hook, exc_info=error, extra={"plugin": plugin})
        if self._on_error is None:
            return
        try:
            self._on_error(error, {"plugin": plugin, "hook": hook})
        except Exception:
            _log.exception("reporting the error of plugin %s failed", plugin)


def _callers(
    manager: pluggy.PluginManager, hook: str, names: Sequence[str]
) -> Iterator[tuple[str, _Caller]]:
    caller = getattr(manager.hook, hook)
    implementing = {implementation.plugin_name for implementation in caller.get_hookimpls()}
    plugins = {name: manager.get_plugin(name) for name in names}
    for name in names:
        if name in implementing:
            others = [plugin for other, plugin in plugins.items() if other != name]
            yield name, manager.subset_hook_caller(hook, others)
