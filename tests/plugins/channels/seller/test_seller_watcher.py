"""The watcher tells of a close once, whichever process of a fleet sees it, or that it cannot."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from facilitator.plugin import Concern, Counter, Gauge
from facilitator.testing.clock import ManualClock
from facilitator.testing.waiting import eventually
from facilitator_channels.datum import Closed, Opened
from facilitator_channels.seller.looking import DEEP_BLOCKS
from facilitator_channels.seller.notices import Notice, NoticeKind
from facilitator_channels.seller.record import LAG_MS, ChannelRecord
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.seller.watcher import (
    GIVE_AGAIN,
    INTERVAL_SECONDS,
    LATE_LOOKS,
    Watcher,
)
from support.channel_model import NOISE, PERIOD_MS, ModelChain, channel_output
from support.channel_records import NOW, record

ELAPSE_AT = NOW + PERIOD_MS


class Fleet:
    """A store, a chain with one channel, and the watchers of several processes."""

    def __init__(self) -> None:
        self.chain = ModelChain()
        self.clock = ManualClock(NOW / 1000)
        self.records = Records(MemoryStore())
        self.told: list[tuple[int, Notice]] = []
        self.start = self.chain.make([], [channel_output(1)]).ref(0)
        self.put(record(1, str(self.start)))
        self.watchers = [self.watcher(), self.watcher()]

    def put(self, new: ChannelRecord) -> None:
        self.records.change(new.channel_id, lambda _: (new, None))

    def watcher(self, tell: Callable[[Notice], None] | None = None, **options: Any) -> Watcher:
        number = len(getattr(self, "watchers", ()))
        return Watcher(
            self.records,
            self.chain,  # type: ignore[arg-type]  # as far as it is asked
            tell or (lambda notice: self.told.append((number, notice))),
            clock=self.clock,
            monotonic=self.clock.time,
            **options,
        )

    def close(self) -> None:
        self.chain.make([self.start], [channel_output(1, Closed(0, ELAPSE_AT))])

    def look(self, seconds: float = INTERVAL_SECONDS) -> list[NoticeKind]:
        """Have every process look, later; return what was told."""
        self.clock.advance(seconds)
        self.told.clear()
        for each in self.watchers:
            each.look()
        return [notice.kind for _, notice in self.told]

    @property
    def kept(self) -> ChannelRecord | None:
        return self.records.read("01" * 32)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def test_a_fleet_asks_once_a_pass(fleet: Fleet) -> None:
    assert fleet.look() == []
    assert fleet.chain.calls == ["tip", "outputs_at"]
    fleet.chain.calls.clear()
    assert fleet.look(INTERVAL_SECONDS / 4) == []
    assert fleet.chain.calls == []


def test_a_close_is_told_once_and_kept(fleet: Fleet) -> None:
    fleet.look()
    fleet.close()
    assert fleet.look() == [NoticeKind.CLOSED]
    (_, notice) = fleet.told[0]
    assert notice.to_json() == {
        "id": f"{fleet.clock.time() * 1000:.0f}-{'01' * 32}",
        "type": "channel.closed",
        "network": "cardano:preprod",
        "channelId": "01" * 32,
        "channelRef": str(fleet.chain.transactions[-1].ref(0)),
        "payer": "03" * 28,
        "payTo": notice.record.config.receiver,
        "asset": "lovelace",
        "unredeemed": "700",
        "elapseAt": "2027-01-15T08:15:00.000Z",
        "reserveFrom": "payer",
    }
    paid_for = notice._replace(
        record=replace(notice.record, sponsored_ref=notice.record.view.channel_ref)
    )
    assert paid_for.to_json()["reserveFrom"] == "seller"
    assert fleet.kept is not None
    assert fleet.kept.view.withdraw_requested_at == NOW // 1000
    assert fleet.look() == []


@pytest.mark.parametrize("elapse_at", [2**60, 2**80])
def test_a_close_with_a_time_beyond_all_calendars_is_told(fleet: Fleet, elapse_at: int) -> None:
    """A datum may name any time: one such channel keeps no look from the others."""
    fleet.chain.make([fleet.start], [channel_output(1, Closed(0, elapse_at))])
    assert fleet.look() == [NoticeKind.CLOSED]
    (_, notice) = fleet.told[0]
    assert notice.to_json()["elapseAt"].startswith("9892-")


def test_a_copy_that_says_a_number_of_thousands_of_digits_stops_no_look(fleet: Fleet) -> None:
    assert fleet.kept is not None
    fleet.put(replace(fleet.kept, charged=0))  # both copies owe nothing
    made = fleet.chain.make(
        [fleet.start], [channel_output(1, Opened(10**5_000)), channel_output(1)]
    )
    fleet.look()
    assert fleet.kept.view.channel_ref == str(made.ref(0))
    assert fleet.kept.view.total_claimed == 2**128


def test_a_notice_outlasts_the_process_that_wrote_it(fleet: Fleet) -> None:
    """Once, and not before the first has had time to."""

    class Killed(BaseException):
        pass

    def kill(_: Notice) -> None:
        raise Killed

    fleet.close()
    fleet.clock.advance(INTERVAL_SECONDS)
    with pytest.raises(Killed):
        fleet.watcher(kill).look()
    assert fleet.look() == []
    assert fleet.look() == [NoticeKind.CLOSED]
    assert fleet.look(GIVE_AGAIN * INTERVAL_SECONDS) == []


def test_a_rollback_of_the_close_is_told(fleet: Fleet) -> None:
    fleet.look()
    fleet.close()
    assert fleet.look() == [NoticeKind.CLOSED]
    fleet.chain.roll_back(1)
    assert fleet.look() == []  # an index may lag
    assert fleet.look(LAG_MS / 1000) == [NoticeKind.RESTORED]


def test_a_close_that_lands_again_is_another_one(fleet: Fleet) -> None:
    """The same transaction, at the same position: who leaves out duplicates learns of both."""
    fleet.look()
    fleet.close()
    closing = fleet.chain.transactions[-1]
    ids = []
    for _ in range(3):
        assert fleet.look(LAG_MS / 1000) == [NoticeKind.CLOSED]
        ids.append(fleet.told[0][1].id)
        fleet.chain.roll_back(1)
        assert fleet.look(LAG_MS / 1000) == [NoticeKind.RESTORED]
        ids.append(fleet.told[0][1].id)
        fleet.chain.transactions.append(closing)
    assert len(set(ids)) == 6


def test_an_end_is_told_and_so_is_its_rollback(fleet: Fleet) -> None:
    fleet.chain.make([fleet.start], [NOISE])
    late = PERIOD_MS / 1000
    assert fleet.look(late) == [NoticeKind.ENDED]
    fleet.chain.roll_back(1)
    assert fleet.look(LAG_MS / 1000) == [NoticeKind.RESTORED]
    fleet.chain.make([fleet.start], [NOISE])
    assert fleet.look(late) == [NoticeKind.ENDED]
    for _ in range(DEEP_BLOCKS):
        fleet.chain.make([], [NOISE])
    assert fleet.look() == []
    assert fleet.kept is None


def test_a_notice_that_is_not_taken_comes_again(fleet: Fleet) -> None:
    """Also when the channel has ended since: the record stays until then."""
    taken: list[NoticeKind] = []
    is_away = True

    def take(notice: Notice) -> None:
        if is_away:
            raise ValueError("no")
        taken.append(notice.kind)

    fleet.watchers = [fleet.watcher(take)]
    fleet.close()
    fleet.look()
    assert fleet.kept is not None
    assert fleet.kept.view.withdraw_requested_at
    fleet.chain.make([fleet.chain.transactions[-1].ref(0)], [NOISE])
    for _ in range(DEEP_BLOCKS):
        fleet.chain.make([], [NOISE])
    fleet.look(PERIOD_MS / 1000)
    assert fleet.kept is not None
    is_away = False
    fleet.look(GIVE_AGAIN * INTERVAL_SECONDS)
    assert taken == [NoticeKind.CLOSED, NoticeKind.ENDED]
    fleet.look()
    assert fleet.kept is None


def test_channels_of_other_networks_are_left_alone(fleet: Fleet) -> None:
    other = replace(record(2, str(fleet.start)), network="cardano:preview")
    fleet.put(other)
    fleet.look(PERIOD_MS / 1000)
    assert fleet.records.read(other.channel_id) == other


def test_the_health_check_says_that_nobody_looks(fleet: Fleet) -> None:
    (watcher, _) = fleet.watchers
    assert watcher.check() == 0
    fleet.clock.advance(LATE_LOOKS * INTERVAL_SECONDS + 1)
    with pytest.raises(Concern, match="not watched since 121 s"):
        watcher.check()
    watcher.look()
    assert watcher.check() == 0


def test_the_health_check_says_that_a_close_is_not_settled(fleet: Fleet) -> None:
    watcher = fleet.watchers[0]
    fleet.close()
    fleet.look()
    watcher.check()
    fleet.look(PERIOD_MS / 1000 * 2 / 3)
    with pytest.raises(Concern, match=r"not settled: 1; .* 2027-01-15T08:15:00\.000Z"):
        watcher.check()
    kept = fleet.kept
    assert kept is not None
    fleet.put(replace(kept, charged=0))
    fleet.look()
    watcher.check()  # nothing is left to be redeemed


def test_the_health_check_says_what_it_does_not_see(fleet: Fleet) -> None:
    """Looks that end well may show nothing: an index lacks the channel, or its spender."""
    watcher = fleet.watchers[0]
    fleet.look()
    fleet.chain.lag = 1
    fleet.look(PERIOD_MS / 1000 / 3)
    assert watcher.check() == 0
    fleet.look(PERIOD_MS / 1000 / 3)
    with pytest.raises(Concern, match="does not show: 1"):
        watcher.check()
    fleet.chain.lag = 0
    fleet.look()
    assert watcher.check() == 0


class Shown:
    """A meter that shows its gauges, and counts."""

    def __init__(self) -> None:
        self.gauges: dict[str, Callable[[], float]] = {}
        self.counts: list[tuple[str, str]] = []

    def count(self, metric: Counter, amount: float = 1, /, **labels: str) -> None:  # noqa: ARG002
        self.counts.append((metric.name, labels["kind"]))

    def observe(self, *_: object, **__: str) -> None:
        raise AssertionError

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **_: str) -> None:
        self.gauges[metric.name] = read

    def read(self) -> dict[str, float]:
        return {name: read() for name, read in self.gauges.items()}


def test_metrics_show_what_is_to_be_settled(fleet: Fleet) -> None:
    meter = Shown()
    fleet.watchers = [fleet.watcher(meter=meter)]
    fleet.look()
    assert meter.read()["channels_closed"] == 0
    assert meter.read()["channels_deadline_seconds"] == float("inf")
    fleet.close()
    fleet.look()
    fleet.clock.advance(5)
    assert meter.read() == {
        "channels_closed": 1,
        "channels_deadline_seconds": PERIOD_MS / 1000 - 2 * INTERVAL_SECONDS - 5,
        "channels_look_age_seconds": 5,
    }
    assert meter.counts == [("channels_notices_total", "closed")]


@pytest.fixture
def running(fleet: Fleet) -> Iterator[Fleet]:
    fleet.watchers = [fleet.watcher(interval_seconds=0.01)]
    fleet.watchers[0].start()
    yield fleet
    fleet.watchers[0].close()


def test_the_thread_goes_on_after_an_outage(running: Fleet) -> None:
    running.chain.is_down = True

    def says_why() -> bool:
        running.clock.advance(1)
        try:
            running.watchers[0].check()
        except Concern as error:
            return "the model is down" in str(error)
        return False

    def is_told() -> bool:
        running.clock.advance(1)
        return bool(running.told)

    eventually(says_why)
    running.close()
    running.chain.is_down = False
    eventually(is_told)
    assert running.told[0][1].kind is NoticeKind.CLOSED


def test_a_step_of_the_provider_is_no_news(fleet: Fleet) -> None:
    fleet.chain.make([fleet.start], [channel_output(1, Opened(7))])
    assert fleet.look() == []
    assert fleet.kept is not None
    assert fleet.kept.view.total_claimed == 7
