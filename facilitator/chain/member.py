"""One of several providers of a network: its breaker, and how far its chain was when last seen."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from facilitator.chain.breaker import Breaker
from facilitator.roles.chain import ChainProvider, ChainUnavailable, Tip

MAX_LAG_SLOTS = 120
"""How far a provider's tip may be behind another's. Blocks come every 20 slots or so; and a
transaction is given up no sooner than 120 s after its validity has ended, so that a provider which
is this far behind at most has seen all blocks that could hold it."""

_log = logging.getLogger("facilitator.chain")


class Sighting(NamedTuple):
    """Where the provider's tip was, and when."""

    slot: int
    at: float


class Lag(NamedTuple):
    """By how many slots a tip is behind, and behind whose."""

    slots: int
    behind: str

    def __str__(self) -> str:
        """The end of a sentence about the provider."""
        return f"its tip is {self.slots} slots behind {self.behind}'s"


class Member:
    """A provider by its plugin's name."""

    def __init__(
        self, name: str, provider: ChainProvider, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``clock`` gives seconds that never go back."""
        self.name = name
        self.provider = provider
        self.breaker = Breaker(clock)
        self.looking = threading.Lock()
        """Held while its tip is asked for, so that many who need it know ask once."""
        self._clock = clock
        self._sighting: Sighting | None = None
        self._lags = False

    def tip(self) -> Tip:
        """The provider's tip, remembered. Raises :class:`ChainUnavailable`."""
        tip = self.provider.tip()
        self._sighting = Sighting(tip.point.slot, self._clock())
        return tip

    def seen_within(self, seconds: float) -> bool:
        """Whether its tip was asked for so lately."""
        seen = self._sighting
        return seen is not None and self._clock() - seen.at < seconds

    def lag(self, others: Iterable["Member"]) -> Lag | None:
        """By how much it is behind the one that is furthest; ``None`` when behind none.

        A tip that was seen later had longer to grow: a slot each second, on every network.
        """
        mine = self._sighting
        if mine is None:
            return None
        lags = [
            Lag(int(theirs.slot - mine.slot - max(0.0, theirs.at - mine.at)), other.name)
            for other in others
            if (theirs := other._sighting) is not None
        ]
        greatest = max(lags, default=None)
        return greatest if greatest is not None and greatest.slots > 0 else None

    def check_lag(self, others: Iterable["Member"]) -> None:
        """Raise :class:`ChainUnavailable` when it is too far behind; each change is logged."""
        lag = self.lag(others)
        lags = lag is not None and lag.slots > MAX_LAG_SLOTS
        if lags != self._lags:
            self._lags = lags
            network = self.provider.network
            if lags:
                _log.warning("%s: %s and the others disagree: %s", network, self.name, lag)
            else:
                _log.info("%s: %s has caught up with the others", network, self.name)
        if lags:
            raise ChainUnavailable(str(lag))
