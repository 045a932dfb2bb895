"""The age of the newest entry of a feed, by what this process saw itself.

The time that an entry carries is another machine's, which may be wrong by any amount: it could make
an old entry look new, and outputs look unspent that a later block has spent. An entry that was not
there when this process read the feed before is younger than that read.
"""

import math
import time
from collections.abc import Callable


class FeedFreshness:
    """The least time by this process' monotonic clock at which the newest entry was true."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know nothing of any entry yet."""
        self._monotonic = monotonic
        self.forget()

    def forget(self) -> None:
        """Know nothing any more: the numbers of the entries may begin from 1 again."""
        self._newest = 0
        self._seen_at = -math.inf
        """A time at which no entry with a greater number than :attr:`_newest` was there."""
        self._true_at = -math.inf

    def begin(self) -> float:
        """Return the time to give to :meth:`read`: the call that reads comes afterwards."""
        return self._monotonic()

    def read(self, newest: int, began_at: float) -> float | None:
        """Take in the number of the newest entry that a read found.

        Return the time of an earlier read that did not find it yet, if there was one.
        """
        appeared = newest > self._newest
        if appeared:
            self._true_at = self._seen_at
        self._newest = max(newest, self._newest)
        self._seen_at = began_at
        return self._true_at if appeared and math.isfinite(self._true_at) else None

    def published(self, number: int, asked_at: float) -> None:
        """Take in that this process published the entry, for which it had asked at that time."""
        self._newest = number
        self._seen_at = self._true_at = asked_at

    @property
    def true_at(self) -> float:
        """Monotonic seconds at which the newest entry was published or later; ``-inf`` if unknown.

        What it says was true some time before: add what the publisher needed to ask.
        """
        return self._true_at
