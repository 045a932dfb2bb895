"""Follows one chain for everybody: which blocks came, which were taken back.

It runs in one thread and only while something depends on it. The cost of confirming therefore
grows with blocks, not with payments. Where the storage can share what one process learns, only
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
from facilitator.chain.fleet_feed import Feed
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
"""Blocks remembered, so the depth of rollback that is followed step by step."""
LINGER_POLLS = 2
"""For about how many polls following goes on after the last time that somebody needed it."""

_CATCH_UP = 10
"""So many new blocks at once mean that there may be more by now."""
_AWAIT_SECONDS = 1.0
RENEW_SECONDS = 5.0
"""How often a leader prolongs its lease."""
LEASE_SECONDS = 15.0
_FEED_SECONDS = 0.5
_SLACK_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 30.0

_log = logging.getLogger("facilitator.follower")


class _Seen(NamedTuple):
    """A block of the chain as far as it is remembered."""

    tip: Tip
    transactions: Sequence[str] = ()
    at: float = 0.0
    """When it was heard of, in Unix seconds."""


class Follower:
    """Follows a chain from the moment it is asked to until nobody asks any more."""

    def __init__(
        self,
        chain: ChainProvider,
        clock: Clock,
        failed: Callable[[BaseException], None],
        feed: Feed | None = None,
    ) -> None:
        """``failed`` gets unforeseen errors of the thread."""
        self._chain = chain
        self._clock = clock
        self._failed = failed
        self._feed = feed
        self._observers: list[Callable[[ChainUpdate], None]] = []
        self._needs: list[Callable[[], bool]] = []
        self._window: deque[_Seen] = deque(maxlen=WINDOW)
        self._included: dict[str, InBlock] = {}
        self._since = math.inf
        self._generation = 0
        self._needed_until = 0.0
        self._good_until = 0.0
        self._ask_at = 0.0
        self._lock = threading.Lock()
        self._needed = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def subscribe(
        self, moved: Callable[[ChainUpdate], None], needs: Callable[[], bool] = lambda: False
    ) -> None:
        """Have ``moved`` called with every change, in the follower's thread, in this order.

        As long as ``needs`` says so, following goes on.
        """
        self._observers.append(moved)
        self._needs.append(needs)

    def follow(self) -> Tip:
        """Follow the chain from here on, if that isn't so already; return the newest tip known.

        Every block after the returned tip will be seen as long as a subscriber needs it, or this
        is called at least once in ``poll_seconds``. Raises :class:`ChainUnavailable`.
        """
        linger = LINGER_POLLS * self._chain.poll_seconds + 2 * _FEED_SECONDS
        self._needed_until = time.monotonic() + linger
        with self._lock:
            if not self._window:
                self._begin()
            return self._window[-1].tip

    @property
    def tip(self) -> Tip | None:
        """The newest block known; ``None`` while nothing is followed. Waits for nothing."""
        try:
            return self._window[-1].tip
        except IndexError:
            return None

    def find(self, transaction_id: str) -> InBlock | None:
        """Return the block that the transaction is in, if it is one of those remembered."""
        return self._included.get(transaction_id)

    def is_orphaned(self, where: InBlock) -> bool:
        """Whether another block is remembered at that height: a fork's, which was left or loses."""
        with self._lock:
            if not self._window:
                return False
            place = where.height - self._window[0].tip.height
            return (
                0 <= place < len(self._window)
                and self._window[place].tip.point.block != where.point.block
            )

    @property
    def since(self) -> float:
        """Unix time in seconds from which on every new block was seen and is remembered."""
        return self._since

    @property
    def generation(self) -> int | None:
        """Changes whenever what was known of outputs may no longer hold, save by blocks told of.

        ``None`` while the newest blocks are not known, for instance in an outage.
        """
        return self._generation if time.monotonic() < self._good_until else None

    @property
    def number(self) -> int | None:
        """How much of what the fleet shares was taken in; ``None`` when nothing is shared."""
        return None if self._feed is None else self._feed.number

    def close(self) -> None:
        """End the thread. Called once."""
        self._stopped.set()
        self._needed.set()
        if self._thread is not None:
            self._thread.join()

    # --- Starting and resting, with the lock held ------------------------------------------------

    def _begin(self) -> None:
        joined = self._feed.join() if self._feed is not None else None
        self._forget()
        if joined is not None:
            # What came since is not known yet: nothing is trusted before it was asked for.
            self._window.append(_Seen(joined.tip))
            self._since = joined.at
            self._ask_at = 0.0
        else:
            since = self._clock.time()
            self._window.append(_Seen(self._chain.tip()))
            self._since = since
            self._ask_at = time.monotonic() + self._pause
            self._stay_good()
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"follower {self._chain.network}", daemon=True
            )
            self._thread.start()
        self._needed.set()

    def _suspend(self) -> None:
        self._needed.clear()
        # Whatever is heard of next follows a gap, and must find nothing of before.
        for moved in self._observers:
            moved(ChainUpdate(self._window[-1].tip, contiguous=False))
        self._forget()
        self._invalidate()
        if self._feed is not None:
            self._feed.resign()

    def _forget(self) -> None:
        self._window.clear()
        self._included.clear()
        self._since = math.inf

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
                    self._failed(error)
                self._good_until = 0.0
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
        """Take in what is new, else wait for news."""
        last = self._window[-1].tip
        if self._feed is not None:
            asks, published = self._feed.turn(last)
            for each in published:
                self._apply(each)
            last = self._window[-1].tip
            if not asks:
                self._stay_good(self._feed.age())
                self._stopped.wait(_FEED_SECONDS)
                return
        wait = self._ask_at - time.monotonic()
        if wait > 0:
            self._stopped.wait(wait if self._feed is None else min(wait, RENEW_SECONDS))
            return
        move = self._next_move(last) or ChainUpdate(last)
        if self._feed is not None and not self._feed.publish(move):
            return
        self._apply(move)
        if len(move.blocks) >= _CATCH_UP or move.rolled_back_to is not None:
            return
        self._stay_good()
        if not move.blocks:
            self._await_news(last)
        self._ask_at = time.monotonic() + self._pause

    @property
    def _pause(self) -> float:
        """How long to wait between questions, in seconds."""
        return 0.0 if isinstance(self._chain, AwaitsBlocks) else self._chain.poll_seconds

    def _next_move(self, last: Tip) -> ChainUpdate | None:
        """What the provider knows of that comes next, if anything. Changes nothing."""
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
        """The newest block is gone; go on from the tip when that leaves none that is known."""
        if len(self._window) < 2:
            return ChainUpdate(self._chain.tip(), contiguous=False)
        before = self._window[-2].tip
        return ChainUpdate(before, rolled_back_to=before.height)

    def _apply(self, move: ChainUpdate) -> None:
        with self._lock:
            if not move.contiguous:
                self._forget()
                self._since = self._clock.time()
            elif move.rolled_back_to is not None:
                self._take_back(move.rolled_back_to)
            for block in move.blocks:
                self._take_in(block)
            if not self._window:
                self._window.append(_Seen(move.tip))
            if not move.only_extends:
                self._invalidate()
        if move.blocks or not move.only_extends:
            for moved in self._observers:
                moved(move)

    def _take_in(self, block: Block) -> None:
        if len(self._window) == WINDOW:
            oldest = self._window.popleft()
            self._lose(oldest)
            self._since = max(self._since, oldest.at)
        tip = Tip(block.point, block.height)
        self._window.append(_Seen(tip, block.transactions, self._clock.time()))
        where = InBlock(block.point, block.height)
        self._included.update(dict.fromkeys(block.transactions, where))

    def _take_back(self, height: int) -> None:
        while self._window and self._window[-1].tip.height > height:
            self._lose(self._window.pop())

    def _lose(self, seen: _Seen) -> None:
        for transaction_id in seen.transactions:
            self._included.pop(transaction_id, None)

    def _invalidate(self) -> None:
        self._generation += 1
        self._good_until = 0.0

    def _stay_good(self, age: float = 0.0) -> None:
        """What was known to be the newest so long ago is good for two polls without news."""
        good_for = 2 * self._chain.poll_seconds + _SLACK_SECONDS - age
        self._good_until = time.monotonic() + good_for

    def _await_news(self, last: Tip) -> None:
        if isinstance(self._chain, AwaitsBlocks):
            self._chain.await_block(last.point, _AWAIT_SECONDS)
