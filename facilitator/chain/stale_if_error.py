"""An answer that outlives its provider for a while."""

from collections.abc import Callable
from typing import Generic, TypeVar

from facilitator.roles.chain import ChainUnavailable

TTL_SECONDS = 1.0
"""How long an answer is given again without asking: a verdict needs it four times."""
KEPT_SECONDS = 600.0
"""Parameters change once an epoch at most, so that ten minutes seldom see another."""

Value = TypeVar("Value")


class StaleIfErrorCache(Generic[Value]):
    """The last answer, for when there is no newer one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._last: tuple[Value, float] | None = None

    def keep(self, ask: Callable[[], Value]) -> Value:
        """What ``ask`` answers, or answered just now, or last if it fails and that isn't long ago.

        Raises :class:`ChainUnavailable`.
        """
        last, now = self._last, self._clock()
        if last is not None and now - last[1] < TTL_SECONDS:
            return last[0]
        try:
            value = ask()
        except ChainUnavailable:
            if last is None or now - last[1] > KEPT_SECONDS:
                raise
            return last[0]
        self._last = value, now
        return value
