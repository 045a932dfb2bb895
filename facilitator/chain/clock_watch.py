"""The comparison of this process' clock with those of the storage's server, fleet and chain.

None of those clocks decides anything here, nor does this one elsewhere. But payments are judged by
it, so that it must be right. To a clock that is ahead, the chain's newest block looks old. So does
that of a provider that stands still to a clock that is right: which of them it is, is not known.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from facilitator.clock import Clock
from facilitator.observability.advice import Concern
from facilitator.roles.storage import HasServerTime, StorageUnavailable

TOLERANCE_SECONDS = 5.0
"""Difference up to which clocks agree."""
SILENCE_SECONDS = 600.0
"""Age up to which a newest block is ordinary: blocks come every 20 seconds on average."""

_REMEMBERED_SECONDS = 120.0
"""For how long a difference to another process counts after it was seen."""
_SERVER_ASKED_SECONDS = 60.0
"""Pause between two questions to the storage, unless ``/health`` is asked."""

_log = logging.getLogger("facilitator.clock")


class ClockWatch:
    """A memory of other clocks as they were seen. Safe to use from many threads."""

    def __init__(
        self, clock: Clock, storage: object, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask the storage for its server's time, if it has one."""
        self._clock = clock
        self._server = storage if isinstance(storage, HasServerTime) else None
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._server_ahead = 0.0
        self._server_asked_at = -math.inf
        self._newest_blocks: dict[str, float] = {}
        """By network, the Unix seconds at which the slot of the newest block begins."""
        self._tips: dict[str, Callable[[], float | None]] = {}
        self._last_seen: dict[str, float] = {}
        """By network, by how much another process was ahead when it was seen last."""
        self._processes: dict[str, tuple[float, float]] = {}
        """By network, the same if it was seen twice, and when it was."""
        self._they_differ = False

    def look(self) -> str | None:
        """Return in words what differs, if anything does; log that as well."""
        with suppress(StorageUnavailable):  # the check of the storage reports that
            self._ask_server()
        return self._judge()

    def check(self) -> None:
        """Raise :class:`~facilitator.observability.advice.Concern` if the clocks differ."""
        if (difference := self.look()) is not None:
            raise Concern(difference)

    def block_seen(self, network: str, begins_at: float) -> None:
        """Take in when the slot of a new block begins, in Unix seconds."""
        with self._lock:
            self._newest_blocks[network] = max(begins_at, self._newest_blocks.get(network, 0.0))
        if self._monotonic() - self._server_asked_at > _SERVER_ASKED_SECONDS:
            with suppress(StorageUnavailable):
                self._ask_server()
        self._judge()

    def watch_tip(self, network: str, tip: Callable[[], float | None]) -> None:
        """Look at the network's tip as well.

        ``tip`` returns when the slot of the newest block begins, in Unix seconds, if a provider has
        been asked for it lately.
        """
        self._tips[network] = tip

    def process_seen(self, network: str, ahead: float) -> None:
        """Take in by how much the clock of another process is ahead of this one, at least.

        A negative number says that it is behind. It counts when it is seen twice: between reading
        its clock and writing that to the storage a process may once have been slow.
        """
        with self._lock:
            before = self._last_seen.get(network, 0.0)
            self._last_seen[network] = ahead
            if before * ahead > 0 and min(abs(before), abs(ahead)) > TOLERANCE_SECONDS:
                self._processes[network] = min(before, ahead, key=abs), self._monotonic()
        self._judge()

    def _ask_server(self) -> None:
        if self._server is None:
            return
        self._server_asked_at = self._monotonic()
        before = self._clock.time()
        server = self._server.server_time()
        after = self._clock.time()
        self._server_ahead = max(0.0, server - after) - max(0.0, before - server)

    def _judge(self) -> str | None:
        """Return in words what differs, if anything does; log when that begins and ends."""
        with self._lock:
            difference = next(self._differences(), None)
            they_differed, self._they_differ = self._they_differ, difference is not None
        if difference is not None and not they_differed:
            _log.warning("clocks differ: %s", difference)
        elif they_differed and difference is None:
            _log.info("clocks agree again")
        return difference

    def _differences(self) -> Iterator[str]:
        now = self._clock.time()
        if abs(self._server_ahead) > TOLERANCE_SECONDS:
            yield _shown(self._server_ahead, "that of the storage's server")
        for ahead, seen_at in self._processes.values():
            if self._monotonic() - seen_at < _REMEMBERED_SECONDS:
                yield _shown(ahead, "that of another process that shares the storage")
        for network, begins_at in self._newest_blocks.items():
            if begins_at - now > TOLERANCE_SECONDS:
                yield _shown(begins_at - now, f"the slots of {network}")
        for network, tip in self._tips.items():
            made_at = tip()
            if made_at is not None and now - made_at > SILENCE_SECONDS:
                yield (
                    f"the newest block of {network} is {round((now - made_at) / 60)} minutes old:"
                    " its provider stands still, or this clock is ahead"
                )


def _shown(ahead: float, what: str) -> str:
    """Return in words that something is ahead of this clock."""
    return f"this clock is {round(abs(ahead))} s {'behind' if ahead > 0 else 'ahead of'} {what}"
