"""Calls of hooks: one plugin after the other, with the rule of failure of the hook's kind."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import FrameType
from typing import Any, TypeAlias, TypeVar

import orjson
import pluggy

from facilitator.errors import FacilitatorError, PluginError, one_line
from facilitator.plugin import hookspecs
from facilitator.plugin.answers import WrongAnswer
from facilitator.plugin.border import guard
from facilitator.plugin.context import Context
from facilitator.plugin.copies import private
from facilitator.plugin.faults import OnError, PluginFaults
from facilitator.plugin.plugin_calls import PluginCalls
from facilitator.plugin.role_borders import ROLES
from facilitator.plugin.time_limits import Ending, TookTooLong, run_within
from facilitator.plugin.unmarked import warnings_of
from facilitator.plugin.validation import contract_violation
from facilitator.plugin.watch import Watch
from facilitator.roles.metrics import Meter
from facilitator.roles.payment_hooks import Refusal
from facilitator.settings import HookSettings
from facilitator.x402.reasons import Reason

LARGEST_ENTRIES = 2_048
"""Bytes of JSON that one plugin may add to an answer: a header carries them, too."""

_log = logging.getLogger("facilitator.plugins")

Value = TypeVar("Value")
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
        self.limits = HookSettings()  # to be changed only before parts are asked for
        self.ending = Ending()
        self._watch = Watch()
        self._faults = PluginFaults()
        self._calls: dict[str, PluginCalls] = {}
        self._contexts: dict[str, tuple[Context, Context]] = {}
        """By plugin, the latest context and what it gets for it."""
        self.warnings = tuple(each for name in self.names for each in warnings_of(manager, name))
        self._packages = {name: _package(manager.get_plugin(name)) for name in self.names}

    def has(self, hook: str) -> bool:
        """Return True if any enabled plugin implements the hook."""
        return bool(self._callers[hook])

    def log_warnings(self) -> None:
        """Log what plugins probably mean as a hook, though that is none."""
        for sentence in self.warnings:
            _log.warning("%s", sentence)

    def report_errors_to(self, on_error: OnError) -> None:
        """Pass errors of gates and observers to ``on_error`` from now on; they are logged too."""
        self._faults.on_error = on_error

    def count_with(self, meter: Meter) -> None:
        """Count faults with ``meter`` from now on."""
        self._faults.meter = meter

    def recent_faults(self) -> Mapping[str, str]:
        """Return by plugin a sentence on its fault of the last minute, for ``/health``."""
        return self._faults.recent()

    def running_in(self, frame: FrameType | None) -> str | None:
        """Return the plugin whose code runs in the frame or calls what runs there, if one does."""
        while frame is not None:
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            for name in self.names:
                if self._packages[name] == package:
                    return name
            frame = frame.f_back
        return None

    def _calls_of(self, plugin: str) -> PluginCalls:
        calls = self._calls.get(plugin)
        if calls is None:  # of two threads that see none, one makes those that stay
            made = PluginCalls(plugin, self._faults, self._watch, self.limits, self.ending)
            calls = self._calls.setdefault(plugin, made)
        return calls

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
            own = self._as_for(plugin, arguments)
            for each in self._provided(plugin, hook, partial(caller, **own)):
                if wrong := contract_violation(hook, each):
                    raise PluginError(f"plugin '{plugin}' returns from {hook} {wrong}")
                results.append((plugin, self._guarded(hook, each, plugin)))
        return results

    def _as_for(self, plugin: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments; what the plugin subscribes by a context is called as its own.

        All its hooks get one object for one context.
        """
        context = arguments.get("context")
        if not isinstance(context, Context):
            return arguments
        given, own = self._contexts.get(plugin, (None, None))
        if given is not context:
            subscribe = self._calls_of(plugin).subscriber(context.subscribe)
            own = replace(context, subscribe=subscribe)
            self._contexts[plugin] = context, own
        return {**arguments, "context": own}

    def _provided(self, plugin: str, hook: str, call: Callable[[], list[Any]]) -> list[Any]:
        """Return what the plugin's hook returns.

        In a thread of its own, which it may end as it likes, and where signals are none of it.
        """
        try:
            returned, error = run_within(self.limits.start_seconds, call, f"{plugin}-{hook}")
        except TookTooLong as late:
            raise PluginError(
                f"plugin '{plugin}' failed in {hook}: {late} (hooks.start_seconds)"
            ) from late
        if isinstance(error, FacilitatorError):
            raise error
        if error is not None:
            raise PluginError(f"plugin '{plugin}' failed in {hook}: {one_line(error)}") from error
        return list(returned)

    def _guarded(self, hook: str, part: Any, plugin: str) -> Any:
        if hook == "health_checks" and callable(part):
            return self._calls_of(plugin).watched(part)
        if hook not in ROLES:
            return part
        calls = self._calls_of(plugin)
        return guard(hook, part, plugin, calls.failed, calls)

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
        """Return the first refusal, if any; a plugin that raises or takes too long refuses."""
        for plugin, caller in self._callers[hook]:
            call = partial(_answer_of_gate, hook, caller, arguments)
            outcome = self._calls_of(plugin).gate(hook, call)
            if outcome.error is not None:
                return FailedGate(
                    f"the check by plugin '{plugin}' failed, try again later",
                    Reason.VERIFICATION_ERROR,
                )
            if outcome.value is not None:
                refusal: Refusal = outcome.value
                return refusal
        return None

    def provided(self, hook: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Return every plugin's answer to a hook that a plugin defines. See :class:`OwnHooks`."""
        return self._collect(self._own(hook), **arguments)

    def first(self, hook: str, **arguments: Any) -> Any:
        """Return the first answer to a hook that a plugin defines. See :class:`OwnHooks`."""
        for plugin, caller in self._callers[self._own(hook)]:
            call = partial(_first_of, caller, arguments)
            outcome = self._calls_of(plugin).gate(hook, call)
            if outcome.error is not None:
                raise PluginError(f"plugin '{plugin}' failed in {hook}") from outcome.error
            if outcome.value is not None:
                return outcome.value
        return None

    def _own(self, hook: str) -> str:
        if hook in vars(hookspecs) or hook not in self._callers:
            raise PluginError(f"{hook} is not a hook that an enabled plugin defines")
        return hook

    def _call_responders(self, hook: str, **arguments: Any) -> Mapping[str, Any]:
        """Return the union of what plugins add; one that fails adds nothing."""
        added: dict[str, Any] = {}
        for plugin, caller in self._callers[hook]:
            call = partial(_entries_of, caller, arguments, frozenset(added))
            outcome = self._calls_of(plugin).responder(hook, call)
            if outcome.error is None:
                added.update(outcome.value)
        return added

    def _notify(self, hook: str, size: int = 0, **arguments: Any) -> None:
        """Have every plugin called later, in its own thread; ``size`` is in bytes."""
        for plugin, caller in self._callers[hook]:
            self._calls_of(plugin).later(hook, partial(_call_alone, caller, arguments), size)

    def wait_for_observers(self, seconds: float) -> bool:
        """Return True once every plugin has observed what was; False if that takes longer."""
        return all(calls.has_observed(seconds) for calls in list(self._calls.values()))

    def shutdown(self) -> None:
        """Let every plugin release what it holds, the last one first. Errors are reported."""
        callers = dict(self._callers["shutdown"])
        for plugin in reversed(self.names):
            if plugin in self._calls:
                self._calls[plugin].end_observing()
            if plugin in callers:
                self._calls_of(plugin).shutdown(callers[plugin])


def _first_of(caller: _Caller, arguments: Mapping[str, Any]) -> Any:
    return next(iter(caller(**private(arguments))), None)


def _answer_of_gate(hook: str, caller: _Caller, arguments: Mapping[str, Any]) -> Refusal | None:
    for answer in caller(**private(arguments)):
        if not isinstance(answer, Refusal) or not _has_words(answer):
            raise TypeError(f"{hook} must return a Refusal with message and reason, or None")
        return answer
    return None


def _has_words(refusal: Refusal) -> bool:
    return isinstance(refusal.message, str) and isinstance(refusal.reason, str)


def _entries_of(
    caller: _Caller, arguments: Mapping[str, Any], taken: Collection[str]
) -> dict[str, Any]:
    """Return what one plugin adds. Raises :class:`WrongAnswer` for what no answer can carry."""
    entries = [each for answer in caller(**private(arguments)) for each in _items(answer)]
    for key, value in entries:
        if not isinstance(key, str) or not isinstance(value, Mapping):
            raise WrongAnswer("the entries must be JSON objects by extension key")
        if key in taken:
            raise WrongAnswer(f"another plugin adds {key} already")
    added = dict(entries)
    if len(orjson.dumps(added)) > LARGEST_ENTRIES:
        raise WrongAnswer(f"the entries take more than {LARGEST_ENTRIES} bytes")
    return added


def _items(answer: object) -> Iterable[tuple[Any, Any]]:
    if not isinstance(answer, Mapping):
        raise WrongAnswer("a responder must return a mapping, or None")
    return answer.items()


def _call_alone(caller: _Caller, arguments: Mapping[str, Any]) -> None:
    caller(**private(arguments))


def _package(plugin: object) -> str:
    """Return the outermost package of the plugin's code."""
    module = getattr(plugin, "__name__", None) or type(plugin).__module__
    return str(module).partition(".")[0]


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
