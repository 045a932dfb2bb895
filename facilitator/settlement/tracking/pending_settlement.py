"""One submitted transaction that is followed until it is decided, and a place to wait for it."""

import threading
import time
import uuid
from collections.abc import Callable

from facilitator.pauses import pausing
from facilitator.roles.chain import InBlock
from facilitator.roles.claim import Claim, ClaimState

ACCEPTED_CHECK_SECONDS = 240.0
"""For how long only blocks are relied on after a node has accepted the transaction."""
UNKNOWN_CHECK_SECONDS = 5.0
"""Seconds until the first question by id while no node is known to have the transaction."""

_MAX_CHECK_SECONDS = 120.0
_GIVE_UP_CHECK_SECONDS = 2.0


class PendingSettlement:
    """A claim with what is known of its transaction. Safe to use from many threads.

    The tracker changes it through the methods below, which hold its lock; callers wait on it.
    """

    def __init__(self, claim: Claim, check_at: float = 0.0) -> None:
        """Begin with the claim as stored; ``check_at`` as :attr:`check_at`."""
        self.delivery_lock = threading.Lock()
        """Held while the success is delivered to a caller."""
        self._changed = threading.Condition()
        self._changes = 0
        self._claim = claim
        self._block: InBlock | None = None
        self._tip_height = 0
        self._check_at = check_at
        self._checks = 0
        self._waiters = 0
        self._is_left_to_leader = False
        self._owner = uuid.uuid4().hex
        self._is_missing = False
        self._trouble: str | None = None

    # --- What is known ----------------------------------------------------------------------------

    @property
    def claim(self) -> Claim:
        """The claim as it was last known to be stored."""
        return self._claim

    @property
    def block(self) -> InBlock | None:
        """The block that the transaction is in; ``None`` while it is in no block."""
        return self._block

    @property
    def depth(self) -> int | None:
        """Newer blocks seen on top of its block; ``None`` while it is in no block."""
        block = self._block
        return self._claim.depth if block is None else max(0, self._tip_height - block.height)

    @property
    def check_at(self) -> float:
        """Unix seconds of the next question to the chain by id; 0 means now."""
        return self._check_at

    @property
    def checks(self) -> int:
        """The number of questions by id so far."""
        return self._checks

    @property
    def has_waiters(self) -> bool:
        """True if a caller waits for it in this process."""
        return self._waiters > 0

    @property
    def is_for_leader(self) -> bool:
        """True if only the process that asks the chain for the fleet looks for it by id.

        Others do so as well for the callers that wait there.
        """
        return self._is_left_to_leader and not self.has_waiters

    @property
    def owner(self) -> str:
        """The token under which this process sends the transaction."""
        return self._owner

    @property
    def trouble(self) -> str | None:
        """The reason why no node is known to have the transaction, if so."""
        return self._trouble

    def was_in(self, block: InBlock) -> bool:
        """Return True if its claim says that it was seen in the block."""
        return self._claim.block == block.point.block

    def is_decided(self) -> bool:
        """Return True if waiting longer cannot change the answer."""
        return self._claim.is_decided

    # --- What is learnt ---------------------------------------------------------------------------

    def update_claim(self, claim: Claim) -> None:
        """Take in the claim as it is stored, unless a later version is known."""
        with self._changed:
            if claim.version >= self._claim.version:
                self._claim = claim
            self._note_change()

    def replace_claim(self, claim: Claim) -> None:
        """Continue with the claim that is stored now, even if it is older; check it at once."""
        with self._changed:
            self._claim = claim
            self._check_at = 0.0
            self._note_change()

    def found_in(self, block: InBlock) -> None:
        """Take in that the transaction is in the block."""
        with self._changed:
            self._block = block
            self._note_change()

    def lost_block(self) -> None:
        """Take in that its block, if any, is not on the chain; have it checked at once."""
        with self._changed:
            self._block = None
            self._check_at = 0.0
            self._note_change()

    def new_tip(self, height: int) -> None:
        """Take in the height of the newest block."""
        with self._changed:
            self._tip_height = height
            self._note_change()

    def accepted(self, now: float) -> None:
        """Take in that a node has accepted the transaction; rely on blocks for a while."""
        with self._changed:
            self._trouble = None
            self._check_at = now + ACCEPTED_CHECK_SECONDS

    def not_accepted(self, trouble: str, now: float) -> None:
        """Take in why no node is known to have the transaction; have it checked soon."""
        with self._changed:
            self._trouble = trouble
            self._check_at = now + UNKNOWN_CHECK_SECONDS

    # --- What is to be done -----------------------------------------------------------------------

    def send_as(self, owner: str) -> None:
        """Send the transaction under this token from now on."""
        with self._changed:
            self._owner = owner

    def leave_to_leader(self) -> None:
        """Take in that another process left it, so that one of the fleet is enough to look."""
        with self._changed:
            self._is_left_to_leader = True

    def schedule_check(self, at: float) -> None:
        """Have the chain asked by id at that time, in Unix seconds."""
        with self._changed:
            self._check_at = at

    def begin_check(self, now: float) -> None:
        """Count a question by id, and schedule the next one after twice the pause."""
        with self._changed:
            self._checks += 1
            pause = UNKNOWN_CHECK_SECONDS * 2.0 ** (self._checks - 1)
            self._check_at = now + min(pause, _MAX_CHECK_SECONDS)

    def mark_missing(self) -> None:
        """Note that the storage lacks the claim, or holds only an older version."""
        with self._changed:
            self._is_missing = True

    def take_missing(self) -> bool:
        """Return True if it was marked as missing, and remove the mark."""
        with self._changed:
            was_missing, self._is_missing = self._is_missing, False
            return was_missing

    def _note_change(self) -> None:
        self._changes += 1
        self._changed.notify_all()

    # --- Waiting ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let every waiting caller look again."""
        with self._changed:
            self._note_change()

    def wait(self, seconds: float, give_up: Callable[[], bool]) -> None:
        """Wait until it is decided, ``give_up`` returns True, or the time is over.

        ``give_up`` is asked on every change, and every two seconds; it may take its time.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            self._waiters += 1
        try:
            while True:
                changes = self._changes
                if self.is_decided() or give_up():  # without the lock, which the follower needs
                    break
                left = min(deadline - time.monotonic(), _GIVE_UP_CHECK_SECONDS)
                if left <= 0:
                    break
                with pausing(), self._changed:
                    if changes == self._changes:
                        self._changed.wait(left)
        finally:
            with self._changed:
                self._waiters -= 1


def is_open(claim: Claim) -> bool:
    """Return True if the chain has yet to decide on the claim's transaction."""
    return claim.state in (ClaimState.SUBMITTED, ClaimState.INCLUDED)
