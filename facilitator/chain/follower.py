"""The follower of one chain, which reports new blocks and rollbacks to all its subscribers.

It runs in one thread and only while something depends on it: the cost of confirming grows with
blocks, not with payments. If the storage can share what one process learns, only one process of a
fleet asks the provider (:mod:`facilitator.chain.fleet_feed`).
"""

import logging
import math
import threading
import time
from collections.abc import Callable

from facilitator.chain.block_window import WINDOW, BlockWindow
from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.fleet_feed import FleetFeed
from facilitator.chain.kept_thread import KeptThread
from facilitator.chain.next_update import jump, next_update, shows_tip
from facilitator.chain.sight import Sight
from facilitator.clock import Clock
from facilitator.roles.chain import AwaitsBlocks, ChainProvider, InBlock, Tip
from facilitator.roles.chain_errors import ChainUnavailable

RESUMABLE_SECONDS = 600.0
"""Seconds without news after which it is asked how many blocks were missed."""
RESUMABLE_BLOCKS = 30
"""Blocks that are read after a pause even if nothing waits for them."""
LINGER_POLLS = 2
"""Approximate number of polls for which following goes on after it was last needed."""

CATCH_UP_SECONDS = 20.0
"""Seconds after the start, or after a rollback, in which the blocks are read that came since."""
_AWAIT_SECONDS = 1.0
RENEW_SECONDS = 5.0
"""Seconds after which a leader prolongs its lease."""
LEASE_SECONDS = 15.0
_FEED_SECONDS = 0.5
_SLACK_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 30.0

_log = logging.getLogger("facilitator.follower")


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
        self._needs: list[Callable[[], int]] = []
        self._window = BlockWindow()
        self.sight = Sight(clock)
        self._epoch = 0
        self._needed_until = 0.0
        self._asked_at = -math.inf
        """Monotonic seconds at which the last question to the provider began, here or elsewhere."""
        self._started_at = self._left_fork_at = -math.inf
        self._known_at = -math.inf
        """Monotonic seconds at which the newest block of the window was surely the newest."""
        self._trusted_until = self._next_query_at = 0.0
        self._answers_until = 0.0
        """Monotonic seconds until which what the provider answers since the last gap counts, though
        no block is known to be the newest."""
        self._lock = threading.Lock()
        self._needed = threading.Event()
        self._stopped = threading.Event()
        self._announced = threading.Event()
        """Set when the feed may have an entry, and at the end."""
        self.thread = KeptThread(self._run, f"follower {chain.network}")
        """Starts when the chain is first followed, unless it was started before."""

    def subscribe(
        self, on_update: Callable[[ChainUpdate], None], needs: Callable[[], int] = lambda: 0
    ) -> None:
        """Call ``on_update`` with every change, in the follower's thread, in order.

        ``needs`` returns how many things wait for blocks. Following goes on while there are any.
        """
        self._subscribers.append(on_update)
        self._needs.append(needs)

    def follow(self) -> Tip:
        """Follow the chain from now on, unless it is followed already; return the newest known tip.

        Every later block will be seen as long as a subscriber needs it, or this is called at least
        once in ``poll_seconds``. Raises :class:`ChainUnavailable`.
        """
        linger = LINGER_POLLS * self._chain.poll_seconds + 2 * _FEED_SECONDS
        self._needed_until = time.monotonic() + linger
        with self._lock:
            if not self._window:
                self._start()
            return self._window.tip

    @property
    def tip(self) -> Tip | None:
        """The newest known block; ``None`` while nothing is followed. Does not block."""
        try:
            return self._window.tip
        except IndexError:
            return None

    def find(self, transaction_id: str) -> InBlock | None:
        """Return the block of the window that holds the transaction, if there is one."""
        return self._window.find(transaction_id)

    def is_orphaned(self, where: InBlock) -> bool:
        """Return True if another block is remembered at that height: its fork was left or loses."""
        with self._lock:
            return self._window.has_other_at(where)

    @property
    def watched_since(self) -> float:
        """Unix seconds from which on every new block was seen, or will be, and is remembered."""
        try:
            return self._window.watched_since(self._chain.eras())
        except ChainUnavailable:
            return math.inf

    @property
    def is_catching_up(self) -> bool:
        """True while it reads blocks made before it started, or those of another fork.

        That takes some seconds at most; what these blocks show need not be asked.
        """
        since = max(self._started_at, self._left_fork_at)
        is_new = time.monotonic() < since + CATCH_UP_SECONDS
        return is_new and self._known_at == -math.inf and not self.sight.is_lost

    @property
    def has_ended(self) -> bool:
        """True if its thread has ended though it was not closed."""
        return self.thread.has_ended and not self._stopped.is_set()

    @property
    def asks(self) -> bool:
        """True unless another process asks the provider for blocks, as far as is known."""
        return self._feed is None or self._feed.asks or self.sight.is_lost

    @property
    def epoch(self) -> int | None:
        """A count that grows when cached outputs may be wrong for another reason than a new block.

        Not the ledger's. ``None`` while the newest blocks are not known, as in an outage.
        """
        return self._epoch if time.monotonic() < self._trusted_until else None

    @property
    def epoch_of_answers(self) -> int | None:
        """The :attr:`epoch`, also while no block is known to be the newest.

        As while this process joins a feed, whose next entry shows how recent it is: that may come
        in ``poll_seconds``. What the provider answers since a gap is no older meanwhile than what
        is cached becomes before the next block is known.
        """
        is_known = time.monotonic() < max(self._trusted_until, self._answers_until)
        return self._epoch if is_known else None

    @property
    def feed_offset(self) -> int | None:
        """The number of the newest feed entry taken in; ``None`` if nothing is shared."""
        return None if self._feed is None else self._feed.offset

    def close(self) -> None:
        """End the thread and wait for it. Called once."""
        self._stopped.set()
        self._announced.set()
        self._needed.set()
        self.thread.join()

    # --- Starting and suspending, with the lock held ---------------------------------------------

    def _start(self) -> None:
        if self._feed is not None and self._started_at == -math.inf:
            self._feed.announce(self._announced.set)
        self.thread.start()
        self._started_at = time.monotonic()
        joined = self._feed.join() if self._feed is not None else None
        if joined is not None:
            # Later blocks are not known yet: nothing is trusted before the provider was asked.
            self._window.begin(joined, at=math.inf)
            self._asked_at = self._known_at = -math.inf
            self._next_query_at = 0.0
            self._answers_until = self._started_at + self._longest_trust
        else:
            now, asked_at = self._clock.time(), time.monotonic()
            self._window.begin(self._chain.tip(), at=now)
            self._next_query_at = time.monotonic() + self._pause
            self._trust_from(asked_at)
        self._needed.set()

    def _suspend(self) -> None:
        self._needed.clear()
        # The next update follows a gap, so subscribers must drop all that they know.
        for on_update in self._subscribers:
            on_update(ChainUpdate(self._window.tip, contiguous=False))
        self._window.clear()
        self.sight.regain()
        self._invalidate()
        self._answers_until = 0.0
        if self._feed is not None:
            self._feed.resign()

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
                    _log.warning("cannot follow %s: %s", self._chain.network, error.detail)
                    self.sight.lose(str(error))
                else:
                    self._on_error(error)
                    self.sight.lose(type(error).__name__)
                self._trusted_until = self._answers_until = 0.0
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
        if self._feed is not None and not self._sync(self._feed):
            self._announced.wait(_FEED_SECONDS)
            self._announced.clear()
            return
        wait = self._next_query_at - time.monotonic()
        if wait > 0:
            self._stopped.wait(wait if self._feed is None else min(wait, RENEW_SECONDS))
            return
        last, asked_at = self._window.tip, time.monotonic()
        update = self._next_update()
        if self._feed is not None and not self._feed.publish(update, asked_at):
            return
        self._apply(update)
        self.sight.regain()
        if not shows_tip(update):
            self._asked_at, self._known_at = asked_at, -math.inf
            return
        self._trust_from(asked_at)
        if not update.blocks:
            self._await_block(last)
        self._next_query_at = time.monotonic() + self._pause

    def _sync(self, feed: FleetFeed) -> bool:
        """Apply what others published; return True if this process must ask the provider."""
        leads, published = feed.sync(self._window.tip, self._known_at)
        for update in published:
            self._apply(update)
            self.sight.regain()
            self._asked_at = feed.known_at
            self._known_at = feed.known_at if shows_tip(update) else -math.inf
        if not leads and self._known_at > -math.inf:
            self._trust_from(self._known_at)
        return leads

    @property
    def _pause(self) -> float:
        """Seconds to wait between two queries."""
        return 0.0 if isinstance(self._chain, AwaitsBlocks) else self._chain.poll_seconds

    def _next_update(self) -> ChainUpdate:
        """Return the provider's next update, after a long pause perhaps a jump to its tip.

        How many blocks were missed is asked: neither clocks nor the feed can say. Each costs a
        question or more, and saves one for each settlement that waits.
        """
        if time.monotonic() - self._asked_at > RESUMABLE_SECONDS:
            waiting = min(WINDOW, sum(needs() for needs in self._needs))
            jumped = jump(self._chain, self._window.tip, max(RESUMABLE_BLOCKS, waiting))
            if jumped is not None:
                return jumped
        return next_update(self._chain, self._window)

    def _apply(self, update: ChainUpdate) -> None:
        with self._lock:
            if not update.contiguous:
                self._window.clear()
            elif update.rolled_back_to is not None:
                self._window.roll_back(update.rolled_back_to)
                self._left_fork_at, self._known_at = time.monotonic(), -math.inf
            for block in update.blocks:
                self._window.append(block, at=self._clock.time())
            if not self._window:
                self._window.begin(update.tip, at=math.inf)
            if not update.only_extends:
                self._invalidate()
                self._answers_until = time.monotonic() + self._longest_trust
        if update.blocks or not update.only_extends:
            for on_update in self._subscribers:
                on_update(update)

    def _invalidate(self) -> None:
        self._epoch += 1
        self._trusted_until = 0.0

    def _trust_from(self, known_at: float) -> None:
        """Trust what was the newest block at that monotonic time for two polls without news."""
        self._asked_at = self._known_at = known_at
        self._trusted_until = known_at + self._longest_trust

    @property
    def _longest_trust(self) -> float:
        """Seconds for which an answer counts without news."""
        return 2 * self._chain.poll_seconds + _SLACK_SECONDS

    def _await_block(self, last: Tip) -> None:
        if isinstance(self._chain, AwaitsBlocks):
            self._chain.await_block(last.point, _AWAIT_SECONDS)
