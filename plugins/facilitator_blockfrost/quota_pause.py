"""A pause in which no request is made that Blockfrost would refuse anyway."""

import logging
import threading
from typing import NamedTuple

from facilitator.plugin import ChainUnavailable, Clock
from facilitator_blockfrost.budget import DAY, until_midnight

QUOTA_USED_UP, BANNED = 402, 418
_ANSWERED = (200, 404)
PROBE_SECONDS = 600.0
"""After 402, one request is let through at this interval: the plan may have been raised."""
BAN_SECONDS = 300.0

_log = logging.getLogger("facilitator_blockfrost.pause")


class _Until(NamedTuple):
    begun: float
    end: float
    probe_at: float
    why: str
    of_quota: bool

    def is_on(self, now: float) -> bool:
        """Return True while it lasts. A clock that was set back ends it."""
        return self.begun <= now < self.end


class QuotaPause:
    """The pause after 402 until the day ends, and after 418 for some minutes. A success ends it."""

    def __init__(self, clock: Clock) -> None:
        """Begin without a pause."""
        self._clock = clock
        self._lock = threading.Lock()
        self._until: _Until | None = None

    @property
    def is_of_quota(self) -> bool:
        """True if the day's requests are used up."""
        until = self._until
        return until is not None and until.of_quota and until.is_on(self._clock.time())

    def check(self) -> None:
        """Check that a request may be made. Raises :class:`ChainUnavailable` otherwise."""
        if self._until is None:
            return
        now = self._clock.time()
        with self._lock:
            until = self._until
            if until is None or not until.is_on(now):
                self._until = None
            elif now >= until.probe_at:
                self._until = until._replace(probe_at=now + PROBE_SECONDS)
            else:
                raise ChainUnavailable(until.why)

    def note(self, status: int) -> None:
        """Take the status of an answer into account.

        Raises :class:`ChainUnavailable` when it begins a pause.
        """
        if status in (QUOTA_USED_UP, BANNED):
            until = self._after(status)
            _log.error("%s", until.why)
            with self._lock:
                self._until = until
            raise ChainUnavailable(until.why)
        if self._until is not None and status in _ANSWERED:
            with self._lock:
                self._until = None

    def _after(self, status: int) -> _Until:
        now = self._clock.time()
        if status == BANNED:
            end = now + BAN_SECONDS
            return _Until(
                now,
                end,
                end,
                "Blockfrost banned this address for too many requests (418);"
                f" it is asked again {BAN_SECONDS / 60:g} minutes later",
                of_quota=False,
            )
        return _Until(
            now,
            now - now % DAY + DAY,
            now + PROBE_SECONDS,
            "the requests that the Blockfrost plan has a day are used up (402);"
            f" there are new ones {until_midnight(now)}",
            of_quota=True,
        )
