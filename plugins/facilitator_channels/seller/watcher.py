"""The watcher: looks at a seller's channels again and again, and gives notice of changes.

No message says that a consumer has closed a channel, that a block was rolled back, or that a
channel has ended. Its state is the records themselves: all processes that use one store have it in
common, and it outlasts them. A process looks only at channels that no other has just looked at, and
gives notice of what it has changed itself. A notice that was not taken stays in its record, and is
given again later, by any process.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from facilitator.plugin import (
    NO_METER,
    ChainProvider,
    ChainUnavailable,
    Clock,
    Concern,
    Counter,
    Gauge,
    Meter,
    SystemClock,
    iso_time,
)
from facilitator_channels.seller.claims import ClaimPolicy
from facilitator_channels.seller.looking import ChannelLook, Sight
from facilitator_channels.seller.notices import (
    Notice,
    NoticeKind,
    begin,
    is_due,
    is_unseen,
    keep,
    taken,
)
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.store import Records, StoreUnavailable
from facilitator_channels.seller.watching import outlast, watch

INTERVAL_SECONDS = 20.0
"""Seconds between two looks at the chain."""
LATE_LOOKS = 6
"""Looks that may fail, or be missing, before the watcher counts as down."""
GIVE_AGAIN = 2
"""Intervals after which a notice that was not taken is given again."""
NOTICES = Counter("channels_notices_total", "Notices about channels, by kind.", labels=("kind",))
CLOSED = Gauge(
    "channels_closed",
    "Closed channels from which something is still to be redeemed.",
    labels=("network",),
    of_workers="max",
)
DEADLINE = Gauge(
    "channels_deadline_seconds",
    "Seconds until the first of those elapses; 0 or less means that the consumer may take it.",
    labels=("network",),
    of_workers="min",
)
LOOKED = Gauge(
    "channels_look_age_seconds",
    "Seconds since all channels were last looked at.",
    labels=("network",),
    of_workers="max",
)

_log = logging.getLogger(__name__)


class Watcher:
    """Watches the channels of one network, in a thread of its own."""

    def __init__(
        self,
        records: Records,
        chain: ChainProvider,
        notify: Callable[[Notice], None],
        *,
        clock: Clock | None = None,
        meter: Meter = NO_METER,
        interval_seconds: float = INTERVAL_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch nothing yet.

        ``notify`` gets each notice. If it raises, which is logged, the notice comes again later. It
        is called by the thread that looks, one notice at a time.
        """
        self._records = records
        self._network = chain.network
        self._look = ChannelLook(chain)
        self._notify = notify
        self._clock = clock or SystemClock()
        self._meter = meter
        self._interval = interval_seconds
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._monotonic = monotonic
        self._looked_at = monotonic()
        self._trouble: str | None = None
        self._closed: Sequence[ChannelRecord] = ()
        """Closed channels from which something is to be redeemed, the nearest deadline first."""
        self._unseen = 0
        self._own: set[str] = set()
        """Channels of which this process has just written a notice."""
        meter.gauge(CLOSED, lambda: len(self._closed), network=self._network)
        meter.gauge(DEADLINE, self._deadline_seconds, network=self._network)
        meter.gauge(LOOKED, self._age, network=self._network)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="channel watcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, and wait for the look under way."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def check(self) -> float:
        """Return the seconds since the last look: a health check.

        Raises :class:`Concern` if that is too long ago, if channels were not seen by it for long,
        or if a closed one is not settled and its period is nearly over.
        """
        age = self._age()
        if age > LATE_LOOKS * self._interval:
            why = self._trouble or "the look at them has not ended"
            raise Concern(f"channels are not watched since {age:.0f} s: {why}")
        now_ms = round(self._clock.time() * 1000)
        urgent = [each for each in self._closed if each.is_urgent(now_ms)]
        if urgent:
            raise Concern(
                f"closed channels that are not settled: {len(urgent)}; the first elapses at"
                f" {iso_time(urgent[0].elapse_at)}"
            )
        if self._unseen:
            raise Concern(f"channels that the chain provider does not show: {self._unseen}")
        return age

    def look(self) -> None:
        """Look at the chain once. Raises :class:`ChainUnavailable`, :class:`StoreUnavailable`."""
        now_ms = round(self._clock.time() * 1000)
        records = [each for each in self._records if each.network == self._network]
        fresh_ms = self._interval * 500
        stale = [each for each in records if now_ms - each.view.seen_at >= fresh_ms]
        sights = self._look.look(stale, now_ms) if stale else {}
        after = {each.channel_id: each for each in records}
        for channel_id, sight in sights.items():
            changed = self._take(channel_id, sight, now_ms)
            after.pop(channel_id)
            if changed is not None:
                after[channel_id] = changed
        due = [each for each in after.values() if is_due(each) and each.unredeemed]
        self._closed = sorted(due, key=lambda each: each.elapse_at)
        self._unseen = sum(is_unseen(each, now_ms) for each in after.values())
        self._give_all(after.values(), now_ms)
        self._looked_at = self._monotonic()
        self._trouble = None

    def _take(self, channel_id: str, sight: Sight, now_ms: int) -> ChannelRecord | None:
        """Put what was seen in the record, with the notice of what that has changed.

        It is due at once for this process, and later for others.
        """

        def step(
            record: ChannelRecord | None,
        ) -> tuple[ChannelRecord | None, tuple[ChannelRecord | None, bool]]:
            seen = outlast(record, sight.seen)
            found, _ = watch(record, seen, sight.anchor_ref, ClaimPolicy(), now_ms)
            after = keep(record, found, now_ms)
            return after, (after, after is not found)

        after, is_news = self._records.change(channel_id, step, durable=False)
        if is_news:
            self._own.add(channel_id)
        return after

    def _give_all(self, records: Iterable[ChannelRecord], now_ms: int) -> None:
        """Give the notices that are due, until one is not taken."""
        for record in records:
            if record.notices and not self._give_of(record, now_ms):
                return

    def _give_of(self, record: ChannelRecord, now_ms: int) -> bool:
        """Give a channel's notices if they are due; return False if one was not taken."""
        name = record.channel_id
        patience_ms = 0 if name in self._own else round(GIVE_AGAIN * self._interval * 1000)
        self._own.discard(name)
        if not self._records.change(
            name, lambda each: begin(each, patience_ms, now_ms), durable=False
        ):
            return True
        for kept in record.notices:
            if not self._give(Notice(kept, record)):
                return False
            self._records.change(name, lambda each, kept=kept: taken(each, kept), durable=False)  # type: ignore[misc]
        return True

    def _give(self, notice: Notice) -> bool:
        """Give the notice; return True if it was taken."""
        record, kind = notice.record, notice.kind
        level = logging.WARNING if kind is NoticeKind.CLOSED else logging.INFO
        until = f", elapses at {iso_time(record.elapse_at)}" if is_due(record) else ""
        _log.log(level, "channel %s: %s%s", record.channel_id, kind, until)
        try:
            self._notify(notice)
        except Exception:
            _log.exception("a notice about channel %s was not taken", record.channel_id)
            return False
        self._meter.count(NOTICES, kind=kind)
        return True

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self.look()
            except (ChainUnavailable, StoreUnavailable) as error:
                if str(error) != self._trouble:
                    _log.warning("channels cannot be watched: %s", error)
                self._trouble = str(error)
            except Exception:  # the thread must not end by it
                _log.exception("channels cannot be watched")
                self._trouble = "it failed; the log says how"
            # Processes of a fleet do not stay in step, so that one of them comes first.
            self._closing.wait(self._interval * random.uniform(0.9, 1.1))  # noqa: S311 -- no secret

    def _age(self) -> float:
        return self._monotonic() - self._looked_at

    def _deadline_seconds(self) -> float:
        closed = self._closed
        return closed[0].elapse_at - self._clock.time() if closed else float("inf")
