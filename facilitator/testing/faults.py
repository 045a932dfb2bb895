"""Faults of a storage or a chain provider, for tests of what then happens."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.plugin.manager import Plugins


@dataclass
class _Fault:
    error: BaseException | None
    before: bool
    times: int | None
    hold: threading.Event | None = None


class Faults:
    """The faults of one part, by method. May be changed while the part is in use."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._faults: dict[str, _Fault] = {}
        self.calls: list[str] = []
        """The names of the methods that were called, in order."""

    def fail(
        self, method: str, error: BaseException, *, after: bool = False, times: int | None = None
    ) -> None:
        """Have the method raise: so many times, or until :meth:`clear`.

        ``after`` has it raise when its work is done, as when an answer is lost.
        """
        with self._lock:
            self._faults[method] = _Fault(error, before=not after, times=times)

    def hold(self, method: str) -> threading.Event:
        """Have the method wait until the event that is returned is set."""
        event = threading.Event()
        with self._lock:
            self._faults[method] = _Fault(None, before=True, times=None, hold=event)
        return event

    def clear(self) -> None:
        """Have every method work again."""
        with self._lock:
            faults, self._faults = self._faults, {}
        for fault in faults.values():
            if fault.hold is not None:
                fault.hold.set()

    def apply(self, part: Any) -> Any:
        """Put the faults before every method of the part, and return it."""
        for name in dir(type(part)):
            if not name.startswith("_") and callable(getattr(type(part), name)):
                setattr(part, name, self._faulty(name, getattr(part, name)))
        return part

    def _faulty(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            fault = self._due(name)
            if fault is None:
                return method(*arguments, **named)
            if fault.hold is not None:
                fault.hold.wait()
            if fault.error is not None and fault.before:
                raise fault.error
            answer = method(*arguments, **named)
            if fault.error is not None:
                raise fault.error
            return answer

        return call

    def _due(self, name: str) -> _Fault | None:
        with self._lock:
            self.calls.append(name)
            fault = self._faults.get(name)
            if fault is None or fault.times == 0:
                return None
            if fault.times is not None:
                fault.times -= 1
            return fault


def inject(plugins: Plugins, faults: Mapping[str, Faults]) -> None:
    """Put faults before the parts that the plugins return, by hook."""
    of_storage, of_chain = faults.get("storage"), faults.get("chain_provider")
    if of_storage is not None:
        one_storage = plugins.one_storage
        plugins.one_storage = lambda context: of_storage.apply(one_storage(context))  # type: ignore[method-assign]
    if of_chain is not None:
        providers = plugins.chain_providers
        plugins.chain_providers = lambda context, network, only=None: [  # type: ignore[method-assign]
            (name, of_chain.apply(part)) for name, part in providers(context, network, only)
        ]
