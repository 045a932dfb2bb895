"""The choice of settlements to ask for by id: a few in a second, the most urgent ones first."""

import time
from collections.abc import Callable, Sequence

from facilitator.chain.follower import Follower
from facilitator.settlement.tracking.pending_settlement import PendingSettlement

ASKED_A_SECOND = 5.0
"""After a crash thousands may be open. The blocks confirm most of them without a question, and a
plan of a provider has other uses."""

BLIND_CHECK_SECONDS = 5.0
"""Pause between two questions for one settlement while the blocks show nothing."""


class Questions:
    """The questions by id of one network. Not thread-safe."""

    def __init__(self, follower: Follower, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Allow as many at once as in a second."""
        self._follower = follower
        self._monotonic = monotonic
        self._allowed = ASKED_A_SECOND
        self._counted_at = monotonic()

    def choose(self, due: Sequence[PendingSettlement]) -> Sequence[PendingSettlement]:
        """Return those of the due ones that may be asked for now.

        None while the follower still reads the blocks that came before it started: they show more
        in one question. Those first that a caller waits for, then those that were not asked for
        yet, then those whose validity ends first.
        """
        now = self._monotonic()
        earned = (now - self._counted_at) * ASKED_A_SECOND
        self._allowed = min(ASKED_A_SECOND, self._allowed + earned)
        self._counted_at = now
        if self._follower.is_catching_up:
            return []
        mine = due if self._follower.asks else [each for each in due if not each.is_for_leader]
        chosen = sorted(mine, key=_urgency)[: int(self._allowed)]
        self._allowed -= len(chosen)
        return chosen


class BlindRounds:
    """The settlements to ask for while no blocks are seen: each at once, then every few seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin with a round."""
        self._monotonic = monotonic
        self._next_at: dict[str, float] = {}

    def due(self, every: Sequence[PendingSettlement]) -> Sequence[PendingSettlement]:
        """Return those whose time has come."""
        now = self._monotonic()
        known = {each.claim.transaction_id: each for each in every}
        self._next_at = {name: at for name, at in self._next_at.items() if name in known}
        return [each for name, each in known.items() if self._next_at.get(name, now) <= now]

    def ask(self, pending: PendingSettlement) -> None:
        """Schedule the next question for one that is asked for now."""
        self._next_at[pending.claim.transaction_id] = self._monotonic() + BLIND_CHECK_SECONDS


def _urgency(pending: PendingSettlement) -> tuple[bool, int, int]:
    return (not pending.has_waiters, pending.checks, pending.claim.invalid_hereafter)
