"""One of several providers of a network: its breaker, and how far its chain was when last seen."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from facilitator.chain.failover.circuit_breaker import Breaker
from facilitator.roles.chain import Block, ChainProvider, ChainUnavailable, Point, Tip

MAX_LAG_SLOTS = 120
"""How far a provider's tip may be behind another's. Blocks come every 20 slots or so; and a
transaction is given up no sooner than 120 s after its validity has ended, so that a provider which
is this far behind at most has seen all blocks that could hold it."""

_log = logging.getLogger("facilitator.chain")


class Sighting(NamedTuple):
    """How far the provider's chain had come at least, and when."""

    slot: int
    at: float


class Lag(NamedTuple):
    """By how many slots a tip is behind, and behind whose."""

    slots: int
    behind: str

    def __str__(self) -> str:
        """The end of a sentence about the provider."""
        return f"its tip is {self.slots} slots behind {self.behind}'s"


class ProviderState:
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
        self._tip: Sighting | None = None
        self._block: Sighting | None = None
        self._lock = threading.Lock()
        self.lags = False
        """Whether it was too far behind when that was last checked."""
        self.tip_seconds = 0.0
        """How long it took to tell its tip the last time that it did."""

    def tip(self) -> Tip:
        """Return the provider's tip, remembered. Raises :class:`ChainUnavailable`."""
        started = time.perf_counter()
        tip = self.provider.tip()
        self.tip_seconds = time.perf_counter() - started
        self._tip = Sighting(tip.point.slot, self._clock())
        return tip

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return the provider's blocks, the newest remembered.

        Raises :class:`PointNotFound`, :class:`ChainUnavailable`.
        """
        blocks = self.provider.blocks_after(point)
        self._block = Sighting(blocks[-1].point.slot if blocks else point.slot, self._clock())
        return blocks

    def seen_within(self, seconds: float) -> bool:
        """Return whether its tip was asked for so lately."""
        return self._tip is not None and self._clock() - self._tip.at < seconds

    def lag(self, others: Iterable["ProviderState"], *, may_have_grown: bool = False) -> Lag | None:
        """By how much it was behind the one that is furthest; ``None`` when behind none.

        With ``may_have_grown``, less what may have come since it was seen: one slot each second.
        """
        mine = self._sightings()
        if not mine:
            return None
        lags = [
            Lag(int(min(_gap(each, theirs, may_have_grown) for each in mine)), other.name)
            for other in others
            for theirs in other._sightings()
        ]
        greatest = max(lags, default=None)
        return greatest if greatest is not None and greatest.slots > 0 else None

    def _sightings(self) -> list[Sighting]:
        return [seen for seen in (self._tip, self._block) if seen is not None]

    def check_lag(self, others: Iterable["ProviderState"], at_most: int = MAX_LAG_SLOTS) -> None:
        """Raise :class:`ChainUnavailable` when it is further behind than that.

        That it is too far behind, and no longer is, is logged.
        """
        lag = self.lag(others, may_have_grown=True)
        lags = lag is not None and lag.slots > MAX_LAG_SLOTS
        with self._lock:
            changed, self.lags = lags != self.lags, lags
        network = self.provider.network
        if changed and lags:
            _log.warning("%s: %s and the others disagree: %s", network, self.name, lag)
        elif changed:
            _log.info("%s: %s has caught up with the others", network, self.name)
        if lag is not None and lag.slots > at_most:
            raise ChainUnavailable(str(lag))


def _gap(mine: Sighting, theirs: Sighting, may_have_grown: bool) -> float:
    grown = max(0.0, theirs.at - mine.at) if may_have_grown else 0.0
    return theirs.slot - mine.slot - grown
