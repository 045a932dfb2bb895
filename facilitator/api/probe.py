"""Checks of dependencies that neither wait long for one nor ask it too often."""

import logging
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeAlias

from facilitator.errors import cause_of
from facilitator.observability.advice import Advice, Concern, Need, Needed
from facilitator.pauses import pausing
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.health import HealthCheck
from facilitator.roles.storage import StorageUnavailable

WAIT_SECONDS = 1.8
"""Longest wait for all checks together, so that the answer takes less than 2 seconds."""
FRESH_SECONDS = 2.0
"""Time for which an outcome is reused before the dependency is asked again."""

logger = logging.getLogger("facilitator.health")

Faults: TypeAlias = Callable[[], Mapping[str, str]]
"""A function that returns, by plugin, a sentence on what it failed in lately."""

_Checks: TypeAlias = "SimpleQueue[Callable[[], None] | None]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a check."""

    is_up: bool
    latency: float
    """Milliseconds that the last check took, or the running one has taken so far."""
    error: str | None = None
    need: Need = Need.EVERY
    """The requests that depend on what was checked."""

    @property
    def is_advice(self) -> bool:
        """True if no request depends on it."""
        return self.need is Need.NONE

    def to_json(self) -> dict[str, Any]:
        """Return the fields of ``/health``."""
        fields: dict[str, Any] = {"status": "up" if self.is_up else "down", "latency": self.latency}
        if self.error is not None:
            fields["error"] = self.error
        return fields


class Probe:
    """One dependency's check, in a thread of its own and never twice at once.

    The thread starts here, since later there may be none left: then of all times ``/health`` must
    answer. It ends when the probe is no longer referred to.
    """

    def __init__(self, name: str, check: HealthCheck) -> None:
        """Take a check that raises when the dependency is down."""
        self._name = name
        self._check = check
        self._need = _need_of(check)
        self._lock = threading.Lock()
        self._was_up = True
        self._started = 0.0
        self._finished = 0.0
        self._future: Future[Outcome] | None = None
        self._checks: _Checks = SimpleQueue()
        weakref.finalize(self, self._checks.put, None)
        self._has_thread = self._start_thread()

    def ask(self) -> "Future[Outcome]":
        """Return the outcome of the running check, of a recent one, or of a new one."""
        with self._lock:
            future = self._future
            if future and (not future.done() or time.monotonic() < self._finished + FRESH_SECONDS):
                return future
            self._future = future = Future()
            self._started = time.monotonic()
            self._has_thread = self._has_thread or self._start_thread()
            if self._has_thread:
                self._checks.put(partial(self._run, future))
            else:
                future.set_result(self._outcome(0.0, "no thread can start to check it"))
            return future

    def _start_thread(self) -> bool:
        """Start the thread; return False if the system gives none."""
        thread = threading.Thread(
            target=_work, args=(self._checks,), name=f"health-{self._name}", daemon=True
        )
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            return False
        return True

    def overdue_outcome(self) -> Outcome:
        """Return the outcome to show while the check is still running."""
        return self._outcome(self._elapsed(), "no answer in time")

    def _outcome(self, latency: float, error: str | None) -> Outcome:
        return Outcome(error is None, latency, error, self._need)

    def _run(self, future: "Future[Outcome]") -> None:
        error: BaseException | None = None
        seconds: float | None = None
        try:
            seconds = self._check()
        except BaseException as raised:  # whatever it is must not end the thread
            error = raised
        if self._need is not Need.NONE:
            self._log_change(error)
        latency = self._elapsed() if seconds is None else _milliseconds(seconds)
        outcome = self._outcome(latency, _shown(error) if error else None)
        self._finished = time.monotonic()
        future.set_result(outcome)

    def _elapsed(self) -> float:
        return _milliseconds(time.monotonic() - self._started)

    def _log_change(self, error: BaseException | None) -> None:
        """Log in one line that it is down, and why, or that it is up again."""
        is_up = error is None
        if is_up != self._was_up:
            fields = {"dependency": self._name}
            if error is None:
                logger.info("%s is up", self._name, extra=fields)
            else:
                logger.warning("%s is down: %s", self._name, cause_of(error), extra=fields)
        self._was_up = is_up


def _work(checks: _Checks) -> None:
    """Run the checks, one after the other; refers to no probe in between."""
    while (check := checks.get()) is not None:
        check()
        del check


def _need_of(check: HealthCheck) -> Need:
    if isinstance(check, Needed):
        return check.need
    return Need.NONE if isinstance(check, Advice) else Need.EVERY


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _shown(error: BaseException) -> str:
    """Return a text that any caller may read: not of other errors, which may name hosts."""
    if isinstance(error, ChainUnavailable | StorageUnavailable | Concern) and str(error):
        return str(error)
    return type(error).__name__


class Probes:
    """The checks of all dependencies."""

    def __init__(self, checks: Mapping[str, HealthCheck], faults: Faults = dict) -> None:
        """Take the checks by name, and ``faults``, which returns those of plugins."""
        self._faults = faults
        self._probes = {name: Probe(name, check) for name, check in checks.items()}

    def outcomes(self) -> dict[str, Outcome]:
        """Ask every dependency at the same time; return the outcomes by name.

        A plugin that failed lately is among them. It makes nothing unready: a caller might have
        brought the failure about, and dependencies have checks of their own.
        """
        futures = {name: probe.ask() for name, probe in self._probes.items()}
        with pausing():
            wait(futures.values(), timeout=WAIT_SECONDS)
        faults = {
            f"plugin {plugin}": Outcome(False, 0.0, sentence, Need.NONE)
            for plugin, sentence in self._faults().items()
        }
        return faults | {
            name: future.result() if future.done() else self._probes[name].overdue_outcome()
            for name, future in futures.items()
        }
