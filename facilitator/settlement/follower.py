"""Follows one chain for everybody: which blocks came, which were taken back.

It runs in one thread and only while something depends on it. The cost of confirming therefore
grows with blocks, not with payments.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facilitator.roles.chain import (
    AwaitsBlocks,
    Block,
    ChainProvider,
    ChainUnavailable,
    PointNotFound,
    Tip,
)

WINDOW = 100
"""Blocks remembered, so the depth of rollback that is followed step by step."""

_AWAIT_SECONDS = 1.0
_MAX_BACKOFF_SECONDS = 30.0

_log = logging.getLogger("facilitator.follower")


@dataclass(frozen=True, slots=True)
class Move:
    """What changed on the chain."""

    tip: Tip
    blocks: Sequence[Block] = ()
    """New blocks, oldest first."""
    rolled_back_to: int | None = None
    """Blocks above this height are gone."""
    gapless: bool = True
    """False when blocks may have come or gone unseen: what was known must be looked up anew."""


class Follower:
    """Follows a chain from the moment it is asked to until nothing depends on it any more."""

    def __init__(
        self,
        chain: ChainProvider,
        moved: Callable[[Move], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """``moved`` is called in the follower's thread; ``failed`` gets unforeseen errors."""
        self._chain = chain
        self._moved = moved
        self._failed = failed
        self._window: deque[Tip] = deque(maxlen=WINDOW)
        self._lock = threading.Lock()
        self._needed = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self) -> Tip:
        """Follow the chain from here on, if that isn't so already; return the newest tip known.

        Every block after the returned tip will be seen. Raises :class:`ChainUnavailable`.
        """
        with self._lock:
            if not self._window:
                self._window.append(self._chain.tip())
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"follower {self._chain.network}", daemon=True
                )
                self._thread.start()
            self._needed.set()
            return self._window[-1]

    def rest(self) -> None:
        """Stop following until :meth:`follow` is called again: nothing depends on it now."""
        with self._lock:
            self._needed.clear()
            self._window.clear()

    def close(self) -> None:
        """End the thread. Called once."""
        self._stopped.set()
        self._needed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        failures = 0
        while self._needed.wait() and not self._stopped.is_set():
            try:
                if not self._advance():
                    self._await_news()
                failures = 0
            except Exception as error:
                if isinstance(error, ChainUnavailable):
                    _log.warning("cannot follow %s: %s", self._chain.network, error)
                else:
                    self._failed(error)
                failures += 1
                self._stopped.wait(min(2.0**failures / 4, _MAX_BACKOFF_SECONDS))

    def _advance(self) -> bool:
        with self._lock:
            last = self._window[-1] if self._window else None
        if last is None:
            return self._start_anew()
        try:
            blocks = self._chain.blocks_after(last.point)
        except PointNotFound:
            return self._step_back(last)
        if not blocks:
            return False
        if blocks[0].parent != last.point.block:
            return self._step_back(last)
        return self._push(last, blocks)

    def _push(self, last: Tip, blocks: Sequence[Block]) -> bool:
        tips = [Tip(block.point, block.height) for block in blocks]
        with self._lock:
            if not self._window or self._window[-1] != last:
                return False
            self._window.extend(tips)
        self._moved(Move(tips[-1], blocks))
        return True

    def _step_back(self, last: Tip) -> bool:
        """Forget the newest block, which the provider no longer has."""
        with self._lock:
            if not self._window or self._window[-1] != last:
                return False
            self._window.pop()
            newest = self._window[-1] if self._window else None
        if newest is not None:
            self._moved(Move(newest, rolled_back_to=newest.height))
        return True

    def _start_anew(self) -> bool:
        """Go on from the provider's tip after a rollback beyond everything remembered."""
        tip = self._chain.tip()
        with self._lock:
            if self._window or not self._needed.is_set():
                return False
            self._window.append(tip)
        self._moved(Move(tip, gapless=False))
        return True

    def _await_news(self) -> None:
        with self._lock:
            last = self._window[-1].point if self._window else None
        if last is not None and isinstance(self._chain, AwaitsBlocks):
            self._chain.await_block(last, _AWAIT_SECONDS)
        else:
            self._stopped.wait(self._chain.poll_seconds)
