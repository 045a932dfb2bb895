"""What is known now of a transaction that was submitted, and a place to wait for more."""

import threading
import time
import uuid
from collections.abc import Callable

from facilitator.roles.chain import InBlock
from facilitator.roles.claim import Claim, ClaimState

ACCEPTED_CHECK_SECONDS = 240.0
"""How long blocks alone are relied on for a transaction that a node has taken."""
UNKNOWN_CHECK_SECONDS = 5.0
"""After how long it is asked first for one of which that is not known."""


class PendingSettlement:
    """One claim being observed: the tracker updates it, callers wait on it."""

    def __init__(self, claim: Claim) -> None:
        """Begin with the claim as stored and nothing seen."""
        self._changed = threading.Condition()
        self.telling = threading.Lock()
        """Held by the caller that is being told of the success."""
        self.claim = claim
        self.where: InBlock | None = None
        self.tip_height = 0
        self.check_at = 0.0
        """Unix seconds at which the chain is to be asked for the transaction by id; 0 is now."""
        self.checks = 0
        self.owner = uuid.uuid4().hex
        """The token under which this process sends the transaction."""
        self.is_missed = False
        """Whether the storage was found not to have the claim, or only as it was before."""
        self.trouble: str | None = None
        """Why no node is known to have the transaction, if so."""

    @property
    def depth(self) -> int | None:
        """Newer blocks seen on top of its block; ``None`` while it is in no block."""
        if self.where is not None:
            return max(0, self.tip_height - self.where.height)
        return self.claim.depth

    def is_decided(self) -> bool:
        """Return whether waiting longer can change the answer no more."""
        return self.claim.state.is_final or self.claim.is_success

    def update(
        self,
        claim: Claim | None = None,
        *,
        where: InBlock | None = None,
        lost: bool = False,
        tip_height: int | None = None,
    ) -> None:
        """Take in what was learnt and wake whoever waits."""
        with self._changed:
            if claim is not None and claim.version >= self.claim.version:
                self.claim = claim
            if where is not None or lost:
                self.where = where
            if tip_height is not None:
                self.tip_height = tip_height
            self._changed.notify_all()

    def begin_anew(self, claim: Claim) -> None:
        """Go on with the claim that is stored now, whatever was stored before."""
        with self._changed:
            self.claim = claim
            self._changed.notify_all()

    def wake(self) -> None:
        """Let every waiting caller look again."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, seconds: float, give_up: Callable[[], bool]) -> Claim:
        """Wait until it is decided, ``give_up`` says so on a wake-up, or the time is over."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self.is_decided() and not give_up():
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return self.claim


def is_open(claim: Claim) -> bool:
    """Return whether the chain has the last word on it still to speak."""
    return claim.state in (ClaimState.SUBMITTED, ClaimState.INCLUDED)
