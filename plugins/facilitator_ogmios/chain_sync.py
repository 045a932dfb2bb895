"""Follows the node's chain by a connection of its own: blocks and rollbacks as they come."""

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from facilitator.cardano.ogmios.fields import Malformed, inner, text
from facilitator.plugin import ChainUnavailable, NotSent, Point, ProviderBehind, Tip, one_line
from facilitator_ogmios.blocks import read_block, read_point, read_tip, show_point
from facilitator_ogmios.client import Refused, malformed, unavailable
from facilitator_ogmios.connection import Broken, Connection, Target, TooSlow
from facilitator_ogmios.index import Index
from facilitator_ogmios.points import PointFile

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 15.0
"""Seconds between two connections, at first and at most."""
AHEAD = 50
"""Blocks that are asked for at once while catching up. At the tip it is one."""
RENEW_SECONDS = 60.0
"""Age at which the connection to a node that is behind is given up."""
POINT_EVERY = 36
"""Blocks between two points in the file."""
MOST_MISSED_SLOTS = 432_000
"""Age of a point in the file, in slots, beyond which it is quicker to begin at the tip."""
_NO_INTERSECTION = 1000

_log = logging.getLogger(__name__)


class _Found(NamedTuple):
    """A point that is on the node's chain, and the tip of that; ``None`` is the origin."""

    point: Point | None
    tip: Tip | None


class Synced(NamedTuple):
    """The newest blocks, complete up to a tip; ``None`` is the origin."""

    blocks: Index
    tip: Tip | None


class ChainSync:
    """A thread that keeps an index of the node's newest blocks. It starts when it is needed."""

    def __init__(self, target: Target, points: PointFile, *, blocks: int, timeout: float) -> None:
        """Connect to nothing yet; keep so many ``blocks``.

        ``timeout`` is in seconds: for answers, and for who needs blocks that are not read yet.
        """
        self._index = Index(blocks)
        self._target = target
        self._points = points
        self._blocks = blocks
        self._timeout = timeout
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None
        self._closed = threading.Event()
        self._trouble: ChainUnavailable | None = None
        """The reason that the chain is not followed, until the next connection."""
        self._tip: Tip | None = None
        """The node's newest block as it said last; ``None`` for the origin."""
        self._is_connected = False

    def up_to_date(self) -> Synced:
        """Return the index with all blocks up to the node's tip.

        Raises :class:`ChainUnavailable` while the chain cannot be followed.
        """
        with self._changed:
            self._start()
            self._changed.wait_for(lambda: self._is_complete or self._has_ended, self._timeout)
            if self._is_complete:
                return Synced(self._index, self._tip)
            if self._closed.is_set():
                raise ChainUnavailable("the connection to Ogmios is closed")
            if self._trouble is not None:
                raise ChainUnavailable(str(self._trouble), self._trouble.detail)
            own = self._index.tip
            read = f"{own.height if own else 'none'} of {self._tip.height if self._tip else 0}"
        raise ProviderBehind(f"the blocks of Ogmios' node are still being read: {read}")

    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait until the newest block is another one; return True if so.

        Raises :class:`ChainUnavailable`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._has_ended or self._index.point != after, timeout)
        return self.up_to_date().blocks.point != after

    def renew(self) -> None:
        """Have the thread connect again: the host's name may lead to another node by now."""
        with self._changed:
            connection = self._connection
        if connection is not None and connection.age > RENEW_SECONDS:
            connection.close()

    def close(self) -> None:
        """End the thread, and wait for it."""
        with self._changed:
            self._closed.set()
            self._changed.notify_all()
            thread, connection = self._thread, self._connection
        if connection is not None:
            connection.close()
        if thread is not None:
            thread.join()

    @property
    def _is_complete(self) -> bool:
        tip = None if self._tip is None else self._tip.point
        return self._is_connected and self._index.point == tip

    @property
    def _has_ended(self) -> bool:
        return self._closed.is_set() or self._trouble is not None

    # --- The thread -------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._thread is None and not self._closed.is_set():
            self._thread = threading.Thread(target=self._run, name="ogmios blocks", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        failures = 0
        while not self._closed.is_set():
            try:
                self._follow()
            except Exception as error:
                failures = 1 if self._is_connected else failures + 1
                if not isinstance(error, ChainUnavailable):  # the thread must not end by it
                    _log.exception("following the blocks of Ogmios' node failed")
                    error = ChainUnavailable("its blocks cannot be read", one_line(error))
                self._lose(error)
            self._closed.wait(min(FIRST_BACKOFF * 2.0 ** (failures - 1), LONGEST_BACKOFF))

    def _lose(self, error: ChainUnavailable) -> None:
        with self._changed:
            before, self._trouble = self._trouble, error
            self._is_connected = False
            self._changed.notify_all()
        is_news = before is None or before.detail != error.detail
        if is_news and not self._closed.is_set():
            _log.warning("the blocks of Ogmios' node cannot be followed: %s", error.detail)

    def _follow(self) -> NoReturn:
        """Follow the chain until the connection ends. Raises :class:`ChainUnavailable`."""
        try:
            connection = Connection(self._target)
            try:
                with self._changed:
                    self._connection = connection
                    if self._closed.is_set():
                        raise Broken("it was closed")
                self._reached(self._intersect(connection))
                self._points.write(self._index.points(POINT_EVERY))
                self._read_blocks(connection)
            finally:
                connection.close()
        except (NotSent, TooSlow, Broken) as error:
            raise unavailable(error) from None
        except Malformed as error:
            raise malformed(error) from None

    def _intersect(self, connection: Connection) -> Tip | None:
        """Have the node go on at a block that the index has, else begin again; return the tip.

        A young chain begins at its origin, any other at the oldest point in the file, or at the
        tip.
        """
        if (newest := self._index.point) is not None:
            kept = reversed(self._index.points(POINT_EVERY))
            if (found := self._find(connection, [newest, *kept])) is not None:
                return found.tip  # it says first to what block it went back
        found = self._find(connection, [None])
        if found is not None and found.tip is not None and found.tip.height > self._blocks:
            since, tip = found.tip.point.slot - MOST_MISSED_SLOTS, found.tip.point
            kept_in_file = [each for each in self._points.read() if each.slot >= since]
            found = self._find(connection, [*kept_in_file, tip])
        if found is None:
            raise ProviderBehind("Ogmios' node has just left the fork of its tip")
        self._index.begin(found.point)
        return found.tip

    def _find(self, connection: Connection, points: Sequence[Point | None]) -> _Found | None:
        """Have the node go on after the first of the points that is on its chain, if one is."""
        params = {"points": [show_point(each) for each in points]}
        answer = connection.ask("findIntersection", params, self._timeout)
        if "result" in answer:
            result = inner(answer, "result")
            return _Found(read_point(result.get("intersection")), read_tip(result.get("tip")))
        error = Refused("findIntersection", inner(answer, "error"))
        if error.code == _NO_INTERSECTION:
            return None
        raise error

    def _read_blocks(self, connection: Connection) -> NoReturn:
        under_way = 0
        while True:
            while under_way < self._wanted():
                connection.send("nextBlock", {})
                under_way += 1
            # At the tip the answer comes with the next block, and pings show if the node is there.
            answer = connection.receive(None if self._is_complete else self._timeout)
            under_way -= 1
            if "result" not in answer:
                raise Refused("nextBlock", inner(answer, "error"))
            self._apply(inner(answer, "result"))

    def _wanted(self) -> int:
        own, tip = self._index.tip, self._tip
        behind = 1 if own is None or tip is None else tip.height - own.height
        return min(AHEAD, max(1, behind))

    def _apply(self, event: Mapping[str, Any]) -> None:
        tip = read_tip(event.get("tip"))
        if text(event, "direction") == "backward":
            point = read_point(event.get("point"))
            if not self._index.roll_back(point):
                _log.warning("a rollback beyond the %d blocks that are kept", self._blocks)
                self._index.begin(point)
            self._reached(tip)
            return
        read = read_block(event.get("block"))
        if not self._index.append(read):
            raise ChainUnavailable("Ogmios sent a block that does not follow the one before")
        self._reached(tip)
        if read.block.height % POINT_EVERY == 0:
            self._points.write(self._index.points(POINT_EVERY))

    def _reached(self, tip: Tip | None) -> None:
        """Take in the node's tip, and that the index has changed."""
        with self._changed:
            was_lost, self._trouble = self._trouble is not None, None
            self._tip = tip
            self._is_connected = True
            self._changed.notify_all()
        if was_lost:
            _log.info("the blocks of Ogmios' node can be followed again")
