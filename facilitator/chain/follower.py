"""The follower of one chain, which reports new blocks and rollbacks to all its subscribers.

It runs in one thread and only while something depends on it. The cost of confirming therefore
grows with blocks, not with payments. If the storage can share what one process learns, only
one process of a fleet asks the provider (:mod:`facilitator.chain.fleet_feed`).
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.fleet_feed import FleetFeed
from facilitator.clock import Clock
from facilitator.roles.chain import (
    AwaitsBlocks,
    Block,
    ChainProvider,
    ChainUnavailable,
    InBlock,
    PointNotFound,
    Tip,
)

WINDOW = 100
"""Blocks remembered; a rollback of at most this depth is followed step by step."""
LINGER_POLLS = 2
"""Approximate number of polls for which following goes on after it was last needed."""

_CATCH_UP = 10
"""Number of new blocks at once from which on there may be more by now."""
_AWAIT_SECONDS = 1.0
RENEW_SECONDS = 5.0
"""Seconds after which a leader prolongs its lease."""
LEASE_SECONDS = 15.0
_FEED_SECONDS = 0.5
_SLACK_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 30.0

_log = logging.getLogger("facilitator.follower")


class _SeenBlock(NamedTuple):
    """A block of the window."""

    tip: Tip
    transactions: Sequence[str] = ()
    at: float = 0.0
    """Unix seconds at which the follower learnt of it."""


class Follower:
    """A follower of one chain, active from :meth:`follow` until nothing needs it any more."""

    def __init__(
        self,
        chain: ChainProvider,
        clock: Clock,
        on_error: Callable[[BaseException], None],
        feed: FleetFeed | None = None,
    ) -> None:
        """Follow nothing yet; ``on_error`` gets unforeseen errors of the thread."""
        self._chain = chain
        self._clock = clock
        self._on_error = on_error
        self._feed = feed
        self._subscribers: list[Callable[[ChainUpdate], None]] = []
        self._needs: list[Callable[[], bool]] = []
        self._window: deque[_SeenBlock] = deque(maxlen=WINDOW)
        self._included: dict[str, InBlock] = {}
        self._watched_since = math.inf
        self._epoch = 0
        self._needed_until = 0.0
        self._trusted_until = 0.0
        self._next_query_at = 0.0
        self._lock = threading.Lock()
        self._needed = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def subscribe(
        self, on_update: Callable[[ChainUpdate], None], needs: Callable[[], bool] = lambda: False
    ) -> None:
        """Call ``on_update`` with every change, in the follower's thread, in order.

        Following goes on as long as ``needs`` returns True.
        """
        self._subscribers.append(on_update)
        self._needs.append(needs)

    def follow(self) -> Tip:
        """Follow the chain from now on, unless it is followed already; return the newest known tip.

        Every block after the returned tip will be seen as long as a subscriber needs it, or this
        is called at least once in ``poll_seconds``. Raises :class:`ChainUnavailable`.
        """
        linger = LINGER_POLLS * self._chain.poll_seconds + 2 * _FEED_SECONDS
        self._needed_until = time.monotonic() + linger
        with self._lock:
            if not self._window:
                self._start()
            return self._window[-1].tip

    @property
    def tip(self) -> Tip | None:
        """The newest known block; ``None`` while nothing is followed. Does not block."""
        try:
            return self._window[-1].tip
        except IndexError:
            return None

    def find(self, transaction_id: str) -> InBlock | None:
        """Return the block of the window that holds the transaction, if there is one."""
        return self._included.get(transaction_id)

    def is_orphaned(self, where: InBlock) -> bool:
        """Return True if another block is remembered at that height: its fork was left or loses."""
        with self._lock:
            if not self._window:
                return False
            index = where.height - self._window[0].tip.height
            return (
                0 <= index < len(self._window)
                and self._window[index].tip.point.block != where.point.block
            )

    @property
    def watched_since(self) -> float:
        """Unix seconds from which on every new block was seen and is remembered."""
        return self._watched_since

    @property
    def epoch(self) -> int | None:
        """A count that grows when cached outputs may be wrong for another reason than a new block.

        It is not the ledger's epoch. ``None`` while the newest blocks are not known, for instance
        in an outage.
        """
        return self._epoch if time.monotonic() < self._trusted_until else None

    @property
    def feed_offset(self) -> int | None:
        """The number of the newest feed entry taken in; ``None`` if nothing is shared."""
        return None if self._feed is None else self._feed.offset

    def close(self) -> None:
        """End the thread and wait for it. Called once."""
        self._stopped.set()
        self._needed.set()
        if self._thread is not None:
            self._thread.join()

    # --- Starting and suspending, with the lock held ---------------------------------------------

    def _start(self) -> None:
        joined = self._feed.join() if self._feed is not None else None
        self._clear()
        if joined is not None:
            # Later blocks are not known yet: nothing is trusted before the provider was asked.
            self._window.append(_SeenBlock(joined.tip))
            self._watched_since = joined.at
            self._next_query_at = 0.0
        else:
            now = self._clock.time()
            self._window.append(_SeenBlock(self._chain.tip()))
            self._watched_since = now
            self._next_query_at = time.monotonic() + self._pause
            self._extend_trust()
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"follower {self._chain.network}", daemon=True
            )
            self._thread.start()
        self._needed.set()

    def _suspend(self) -> None:
        self._needed.clear()
        # The next update follows a gap, so subscribers must drop all that they know.
        for on_update in self._subscribers:
            on_update(ChainUpdate(self._window[-1].tip, contiguous=False))
        self._clear()
        self._invalidate()
        if self._feed is not None:
            self._feed.resign()

    def _clear(self) -> None:
        self._window.clear()
        self._included.clear()
        self._watched_since = math.inf

    # --- The thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while self._needed.wait() and not self._stopped.is_set():
            try:
                if self._is_needed():
                    self._poll()
                failures = 0
            except Exception as error:
                if isinstance(error, ChainUnavailable):
                    _log.warning("cannot follow %s: %s", self._chain.network, error)
                else:
                    self._on_error(error)
                self._trusted_until = 0.0
                if self._feed is not None:
                    self._feed.resign()
                failures += 1
                self._stopped.wait(min(2.0**failures / 4, _MAX_BACKOFF_SECONDS))
        if self._feed is not None:
            self._feed.resign()

    def _is_needed(self) -> bool:
        with self._lock:
            if time.monotonic() < self._needed_until or any(needs() for needs in self._needs):
                return True
            self._suspend()
            return False

    def _poll(self) -> None:
        """Apply what is new, else wait for a block."""
        last = self._window[-1].tip
        if self._feed is not None:
            asks, published = self._feed.sync(last)
            for each in published:
                self._apply(each)
            last = self._window[-1].tip
            if not asks:
                self._extend_trust(self._feed.age())
                self._stopped.wait(_FEED_SECONDS)
                return
        wait = self._next_query_at - time.monotonic()
        if wait > 0:
            self._stopped.wait(wait if self._feed is None else min(wait, RENEW_SECONDS))
            return
        update = self._next_update(last) or ChainUpdate(last)
        if self._feed is not None and not self._feed.publish(update):
            return
        self._apply(update)
        if len(update.blocks) >= _CATCH_UP or update.rolled_back_to is not None:
            return
        self._extend_trust()
        if not update.blocks:
            self._await_block(last)
        self._next_query_at = time.monotonic() + self._pause

    @property
    def _pause(self) -> float:
        """Seconds to wait between two queries."""
        return 0.0 if isinstance(self._chain, AwaitsBlocks) else self._chain.poll_seconds

    def _next_update(self, last: Tip) -> ChainUpdate | None:
        """Return the provider's next update, if there is one. Changes nothing here."""
        try:
            blocks = self._chain.blocks_after(last.point)
        except PointNotFound:
            return self._step_back()
        if not blocks:
            return None
        if blocks[0].parent != last.point.block:
            return self._step_back()
        return ChainUpdate(Tip(blocks[-1].point, blocks[-1].height), tuple(blocks))

    def _step_back(self) -> ChainUpdate:
        """Return the rollback of the newest block, or a jump to the tip if none remains known."""
        if len(self._window) < 2:
            return ChainUpdate(self._chain.tip(), contiguous=False)
        before = self._window[-2].tip
        return ChainUpdate(before, rolled_back_to=before.height)

    def _apply(self, update: ChainUpdate) -> None:
        with self._lock:
            if not update.contiguous:
                self._clear()
                self._watched_since = self._clock.time()
            elif update.rolled_back_to is not None:
                self._roll_back(update.rolled_back_to)
            for block in update.blocks:
                self._append_block(block)
            if not self._window:
                self._window.append(_SeenBlock(update.tip))
            if not update.only_extends:
                self._invalidate()
        if update.blocks or not update.only_extends:
            for on_update in self._subscribers:
                on_update(update)

    def _append_block(self, block: Block) -> None:
        if len(self._window) == WINDOW:
            oldest = self._window.popleft()
            self._remove_transactions(oldest)
            self._watched_since = max(self._watched_since, oldest.at)
        tip = Tip(block.point, block.height)
        self._window.append(_SeenBlock(tip, block.transactions, self._clock.time()))
        where = InBlock(block.point, block.height)
        self._included.update(dict.fromkeys(block.transactions, where))

    def _roll_back(self, height: int) -> None:
        while self._window and self._window[-1].tip.height > height:
            self._remove_transactions(self._window.pop())

    def _remove_transactions(self, seen: _SeenBlock) -> None:
        for transaction_id in seen.transactions:
            self._included.pop(transaction_id, None)

    def _invalidate(self) -> None:
        self._epoch += 1
        self._trusted_until = 0.0

    def _extend_trust(self, age: float = 0.0) -> None:
        """Trust what was the newest block ``age`` seconds ago for two polls without news."""
        trusted_for = 2 * self._chain.poll_seconds + _SLACK_SECONDS - age
        self._trusted_until = time.monotonic() + trusted_for

    def _await_block(self, last: Tip) -> None:
        if isinstance(self._chain, AwaitsBlocks):
            self._chain.await_block(last.point, _AWAIT_SECONDS)
