"""The state of one provider of a network: its breaker, and its newest known block."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from facilitator.cardano.transaction import OutputRef
from facilitator.chain.failover.circuit_breaker import CircuitBreaker
from facilitator.chain.failover.lookup_watch import LookupWatch
from facilitator.chain.failover.proof import Proof
from facilitator.roles.allowance import AllowanceSpent
from facilitator.roles.chain import Block, ChainProvider, OutputStatus, Point, Tip
from facilitator.roles.chain_errors import ChainUnavailable, ProviderBehind

MAX_LAG_SLOTS = 120
"""Greatest lag of a usable provider's tip behind another's.

Blocks come about every 20 slots. A transaction is given up at the earliest 120 s after its validity
has ended. So a provider within this lag has seen all blocks that could hold it.
"""

_log = logging.getLogger("facilitator.chain")


class Sighting(NamedTuple):
    """A slot that the provider's chain had reached at a time."""

    slot: int
    at: float


class Lag(NamedTuple):
    """The lag of a provider's tip, in slots, and the name of the provider that is ahead."""

    slots: int
    behind: str

    def __str__(self) -> str:
        """Return the end of a sentence about the provider."""
        return f"its tip is {self.slots} slots behind {self.behind}'s"


class ProviderState:
    """A member of a :class:`~facilitator.chain.failover.provider_pool.ProviderPool`.

    It has its plugin's name.
    """

    def __init__(
        self, name: str, provider: ChainProvider, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the provider, not asked yet; ``clock`` gives seconds that never go back."""
        self.name = name
        self.provider = provider
        self._who = f"{provider.network}: {name}"
        self.breaker = CircuitBreaker(clock)
        self.proof = Proof(name, provider)
        self.lookups = LookupWatch(clock)
        self.tip_lock = threading.Lock()
        """Held while the tip is asked for, so that many threads that need it ask once."""
        self._clock = clock
        self._tip: Sighting | None = None
        self._block: Sighting | None = None
        self._lock = threading.Lock()
        self.failure = ""
        """The last failure, for the operator; the breaker has what callers are shown."""
        self.is_lagging = False
        """True if it was too far behind at the last check."""
        self.tip_seconds = 0.0
        """Seconds that the last successful :meth:`tip` took."""

    def tip(self) -> Tip:
        """Return the provider's tip and remember it. Raises :class:`ChainUnavailable`."""
        started = time.perf_counter()
        tip = self.provider.tip()
        self.tip_seconds = time.perf_counter() - started
        self._tip = Sighting(tip.point.slot, self._clock())
        return tip

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the provider's statuses of outputs. Raises :class:`ChainUnavailable`."""
        try:
            found = self.provider.outputs(refs)
        except (AllowanceSpent, ProviderBehind):
            raise  # it does answer, or the payment is the cause
        except ChainUnavailable as error:
            self.lookups.failed(self._who, error)
            raise
        self.lookups.worked(self._who)
        return found

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return the provider's blocks and remember the newest.

        Raises :class:`PointNotFound`, :class:`ChainUnavailable`.
        """
        blocks = self.provider.blocks_after(point)
        self._block = Sighting(blocks[-1].point.slot if blocks else point.slot, self._clock())
        return blocks

    def seen_within(self, seconds: float) -> bool:
        """Return True if its tip was asked for within the last ``seconds``."""
        return self.slot_seen_within(seconds) is not None

    def slot_seen_within(self, seconds: float) -> int | None:
        """Return the slot of its tip, if that was asked for within the last ``seconds``."""
        seen = self._tip
        return None if seen is None or self._clock() - seen.at >= seconds else seen.slot

    def lag(self, others: Iterable["ProviderState"], *, may_have_grown: bool = False) -> Lag | None:
        """Return its lag behind the provider that is furthest; ``None`` if it is behind none.

        ``may_have_grown`` subtracts what its chain may have grown since: one slot each second.
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
        """Raise :class:`ChainUnavailable` if its lag is more than ``at_most`` slots.

        Log when it gets too far behind, and when it has caught up.
        """
        lag = self.lag(others, may_have_grown=True)
        is_lagging = lag is not None and lag.slots > MAX_LAG_SLOTS
        with self._lock:
            changed, self.is_lagging = is_lagging != self.is_lagging, is_lagging
        network = self.provider.network
        if changed and is_lagging:
            _log.warning("%s: %s and the others disagree: %s", network, self.name, lag)
        elif changed:
            _log.info("%s: %s has caught up with the others", network, self.name)
        if lag is not None and lag.slots > at_most:
            raise ChainUnavailable(str(lag))


def _gap(mine: Sighting, theirs: Sighting, may_have_grown: bool) -> float:
    grown = max(0.0, theirs.at - mine.at) if may_have_grown else 0.0
    return theirs.slot - mine.slot - grown
