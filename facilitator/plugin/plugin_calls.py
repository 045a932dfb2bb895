"""The calls of one plugin: through its queue, in its threads, within its time limits."""

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

from facilitator.errors import PluginError, one_line
from facilitator.observability.advice import Advice
from facilitator.plugin.answers import WrongAnswer
from facilitator.plugin.faults import PluginFaults
from facilitator.plugin.observers import ObserverQueue
from facilitator.plugin.time_limits import Ending, LimitedCalls, Outcome, TookTooLong
from facilitator.plugin.watch import Caller, Step, Watch
from facilitator.roles.health import HealthCheck
from facilitator.settings import HookSettings, Settings
from facilitator.settings.subscription import Apply, Subscribe

AT_ONCE_SECONDS = 120.0
"""Seconds after which a call is reported that has no time limit but the part's own."""


class PluginCalls:
    """One plugin, as it is called from many threads. Its faults are reported."""

    def __init__(
        self,
        plugin: str,
        faults: PluginFaults,
        watch: Watch,
        limits: HookSettings,
        ending: Ending,
    ) -> None:
        """Start no thread yet."""
        self._plugin = plugin
        self._faults = faults
        self._watch = watch
        self._limits = limits
        self._ending = ending
        self._limited = LimitedCalls(plugin)
        self._queue = ObserverQueue(plugin, faults, watch, limits)

    # --- Hooks ------------------------------------------------------------------------------------

    def gate(self, hook: str, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of a gate's call, or with an error that it takes too long."""
        outcome = self.in_time(call)
        if outcome.error is not None:
            self.failed(outcome.error, hook)
        return outcome

    def responder(self, hook: str, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of a responder's call, or with an error that it takes too long."""
        outcome = self._within(self._limits.responder_seconds, call)
        if outcome.error is not None:
            self.failed(outcome.error, hook)
        return outcome

    def shutdown(self, call: Callable[[], Any]) -> None:
        """Have the plugin end."""
        if (error := self.at_end(call).error) is not None:
            self.failed(error, "shutdown")

    def end_observing(self) -> None:
        """Let the observer's calls be made, as far as there is time."""
        self._queue.end(self._ending.seconds_for_one())

    def has_observed(self, seconds: float) -> bool:
        """Return True once the observer's calls are made; False if that takes longer."""
        return self._queue.wait_until_empty(seconds)

    def watched(self, check: HealthCheck) -> HealthCheck:
        """Return the health check, whose own faults are reported; advice stays advice."""
        hangs = TookTooLong("a check does not return")
        step = Step(self._limits.observer_seconds, partial(self._check_failed, hangs))
        watched = WatchedCheck(check, self._watch.caller([step]), self._check_failed)
        return Advice(watched) if isinstance(check, Advice) else watched

    def _check_failed(self, error: BaseException) -> None:
        self.failed(error, "health_checks")

    def subscriber(self, subscribe: Subscribe) -> Subscribe:
        """Return what registers the plugin's functions for changed settings.

        One that fails or hangs is reported. What is registered then raises :class:`PluginError`.
        """

        def register(apply: Apply) -> None:
            # A call that takes too long goes on: no later one may overtake it, and be undone by it.
            turn, newest = Lock(), deque[Settings](maxlen=1)

            def take() -> None:
                with turn:
                    apply(newest[0])

            def changed(settings: Settings) -> None:
                newest.append(settings)
                error = self.in_time(take).error
                if error is not None:
                    self.failed(error, "subscribe")
                    raise PluginError(
                        f"plugin '{self._plugin}' failed in subscribe: {one_line(error)}"
                    ) from error

            subscribe(changed)

        return register

    # --- Parts ------------------------------------------------------------------------------------

    def watching(self, method: str) -> Caller:
        """Return a function that makes the calls of a method, each in the caller's thread.

        While a call takes longer than :data:`AT_ONCE_SECONDS`, the plugin is named for it.
        """
        seconds = AT_ONCE_SECONDS
        returned = partial(self._faults.returned, self._plugin, method)
        return self._watch.caller([Step(seconds, partial(self._hangs, method, seconds), returned)])

    def _hangs(self, method: str, seconds: float) -> None:
        error = TookTooLong(f"it takes longer than {seconds:g} s")
        self._faults.hangs_on(self._plugin, method)
        self._faults.hangs(error, self._plugin, method)

    def failed(self, error: BaseException, method: str) -> None:
        """Report a fault of a hook or method."""
        if isinstance(error, TookTooLong):
            self._faults.hangs(error, self._plugin, method)
        else:
            self._faults.failed(error, self._plugin, method)

    def in_time(self, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of the call, or with an error that it takes too long."""
        return self._within(self._limits.gate_seconds, call)

    def in_scheme_time(self, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of a scheme's call that asks the chain, or with the same error."""
        return self._within(self._limits.scheme_seconds, call)

    def _within(self, seconds: float, call: Callable[[], Any]) -> Outcome:
        try:
            return self._limited.run(call, seconds)
        except TookTooLong as error:
            return Outcome(None, error)

    def later(self, method: str, call: Callable[[], Any], size: int = 0) -> Outcome:
        """Have the call, of ``size`` bytes, made by the plugin's own thread after those before."""
        self._queue.offer(method, call, size)
        return Outcome(None, None)

    def at_end(self, call: Callable[[], Any]) -> Outcome:
        """Return the outcome of the call, or with an error that it takes too long."""
        self.end_observing()
        try:
            return self._ending.run(call, f"{self._plugin}-end")
        except TookTooLong as error:
            return Outcome(None, error)


class WatchedCheck:
    """A plugin's health check. An exception says that what it checks is down; all else is a fault.

    It may be called in the main thread, too: what a signal raises there is not the plugin's.
    """

    def __init__(
        self, check: HealthCheck, caller: Caller, failed: Callable[[BaseException], None]
    ) -> None:
        """Take what calls the check, and what to call for its faults."""
        self.part = check
        self._caller = caller
        self._failed = failed

    def __call__(self) -> float | None:
        """Run the check. Raises what it raises."""
        try:
            return _seconds(self._caller(self.part, (), {}))
        except BaseException as error:
            if isinstance(error, WrongAnswer) or not isinstance(error, Exception):
                self._failed(error)
            raise


def _seconds(answer: object) -> float | None:
    """Return the answer of a health check. Raises :class:`WrongAnswer`."""
    if answer is None:
        return None
    if not isinstance(answer, int | float) or not math.isfinite(answer):
        raise WrongAnswer("a health check must return seconds or None")
    return answer
