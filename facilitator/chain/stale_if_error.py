"""A cached answer that is still given for a while when its provider fails."""

from collections.abc import Callable
from typing import Generic, TypeVar

from facilitator.roles.chain_errors import ChainUnavailable

TTL_SECONDS = 1.0
"""Seconds for which an answer is given again without asking: a verdict needs it four times."""
STALE_IF_ERROR_SECONDS = 600.0
"""Greatest age of an answer that is given when the provider fails.

Parameters change once an epoch at most, so ten minutes seldom hide a change.
"""

Value = TypeVar("Value")


class StaleIfErrorCache(Generic[Value]):
    """The last answer, kept for when asking again fails."""

    def __init__(self, fetch: Callable[[], Value], clock: Callable[[], float]) -> None:
        """Ask by ``fetch``; ``clock`` gives seconds that never go back."""
        self._fetch = fetch
        self._clock = clock
        self._last: tuple[Value, float] | None = None

    def get(self) -> Value:
        """Return the last answer if it is fresh, else that of ``fetch``.

        If ``fetch`` fails, return the last answer unless it is older than
        :data:`STALE_IF_ERROR_SECONDS`. Raises :class:`ChainUnavailable` if there is none.
        """
        last, now = self._last, self._clock()
        if last is not None and now - last[1] < TTL_SECONDS:
            return last[0]
        try:
            value = self._fetch()
        except ChainUnavailable:
            if last is None or now - last[1] > STALE_IF_ERROR_SECONDS:
                raise
            return last[0]
        self._last = value, now
        return value
