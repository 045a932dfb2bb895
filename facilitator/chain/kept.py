"""An answer that outlives its provider for a while."""

from collections.abc import Callable
from typing import Generic, TypeVar

from facilitator.roles.chain import ChainUnavailable

KEPT_SECONDS = 600.0
"""Parameters change once an epoch at most, so that ten minutes seldom see another."""

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The last answer, for when there is no newer one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._last: tuple[Value, float] | None = None

    def keep(self, ask: Callable[[], Value]) -> Value:
        """What ``ask`` answers, or what it answered last if that isn't long ago.

        Raises :class:`ChainUnavailable`.
        """
        try:
            value = ask()
        except ChainUnavailable:
            if self._last is None or self._clock() - self._last[1] > KEPT_SECONDS:
                raise
            return self._last[0]
        self._last = value, self._clock()
        return value
