"""One call for all threads that want the same result at the same time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from facilitator.pauses import pausing

_Value = TypeVar("_Value")


class SingleFlight(Generic[_Value]):
    """A call that many threads make and one runs; the others get its result."""

    def __init__(self, call: Callable[[], _Value]) -> None:
        """Run ``call`` in one thread at a time."""
        self._call = call
        self._lock = threading.Lock()
        self._flight: Future[_Value] | None = None

    def __call__(self) -> _Value:
        """Return or raise what the call does."""
        with self._lock:
            flight = self._flight
            if flight is None:
                own: Future[_Value] = Future()
                self._flight = own
        if flight is not None:
            with pausing():
                return flight.result()
        try:
            own.set_result(self._call())
        except BaseException as error:
            own.set_exception(error)
        finally:
            with self._lock:
                self._flight = None
        return own.result()
