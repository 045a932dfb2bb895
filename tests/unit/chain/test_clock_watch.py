"""A clock that is wrong is seen, by every other clock that can be read; none of them decides."""

import logging
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.chain.clock_watch import ClockWatch
from facilitator.clock import SystemClock
from facilitator.observability.advice import Concern
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.clock import ManualClock
from support.redis_servers import needs_redis, running
from support.redis_storages import open_redis

NOW = 1_765_000_000.0
HOUR = 3600.0
NETWORK = "cardano:preprod"


class Server:
    """A storage whose server has a clock."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.ahead = 0.0
        self.is_away = False
        self.asked = 0

    def server_time(self) -> float:
        self.asked += 1
        if self.is_away:
            raise StorageUnavailable("away")
        return self._clock.time() + self.ahead


class Monotonic:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def server(clock: ManualClock) -> Server:
    return Server(clock)


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def watch(clock: ManualClock, server: Server, monotonic: Monotonic) -> ClockWatch:
    return ClockWatch(clock, server, monotonic)


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "facilitator.clock")


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """The lines of the log so far, by level."""
    return [(each.levelno, each.message) for each in caplog.records]


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (HOUR, "this clock is 3600 s behind that of the storage's server"),
        (-HOUR, "this clock is 3600 s ahead of that of the storage's server"),
        (6, "this clock is 6 s behind that of the storage's server"),
    ],
)
def test_the_storages_server_has_another_time(
    watch: ClockWatch, server: Server, caplog: pytest.LogCaptureFixture, ahead: float, words: str
) -> None:
    """The log has one line when that begins, and one when it ends."""
    watch.check()
    server.ahead = ahead
    for _ in range(3):
        with pytest.raises(Concern, match=words):
            watch.check()
    server.ahead = 4.0
    for _ in range(3):
        watch.check()
    assert lines(caplog) == [
        (logging.WARNING, f"clocks differ: {words}"),
        (logging.INFO, "clocks agree again"),
    ]


def test_a_storage_that_is_away_or_has_no_clock_says_nothing(
    watch: ClockWatch, server: Server, clock: ManualClock
) -> None:
    server.is_away = True
    watch.check()
    ClockWatch(clock, object()).check()


def test_a_block_whose_slot_is_to_come(watch: ClockWatch, clock: ManualClock) -> None:
    """The newest one counts, also after older ones, until this clock has come to it."""
    watch.block_seen(NETWORK, NOW + 4)
    watch.check()
    watch.block_seen(NETWORK, NOW + 30)
    watch.block_seen(NETWORK, NOW - HOUR)
    with pytest.raises(Concern, match="this clock is 30 s behind the slots of cardano:preprod"):
        watch.check()
    clock.advance(25)
    watch.check()


def test_a_newest_block_that_is_old_is_named(
    watch: ClockWatch, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Unless no provider was asked for it lately."""
    tips: list[float | None] = [None]
    watch.watch_tip(NETWORK, lambda: tips[-1])
    watch.check()
    tips.append(NOW)
    clock.advance(599)
    watch.check()
    clock.advance(241)
    words = "the newest block of cardano:preprod is 14 minutes old: its provider stands still"
    with pytest.raises(Concern, match=words):
        watch.check()
    tips.append(NOW + 800)
    watch.check()
    assert [level for level, _ in lines(caplog)] == [logging.WARNING, logging.INFO]


def test_old_blocks_are_no_sign(watch: ClockWatch) -> None:
    """The provider may lag."""
    watch.block_seen(NETWORK, NOW - HOUR)
    watch.check()


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(HOUR, "this clock is 3600 s behind"), (-HOUR, "this clock is 3600 s ahead of")],
)
def test_another_process_has_another_time(
    watch: ClockWatch, monotonic: Monotonic, ahead: float, words: str
) -> None:
    watch.process_seen(NETWORK, ahead)
    watch.process_seen(NETWORK, ahead)
    with pytest.raises(Concern, match=f"{words} that of another process that shares the storage"):
        watch.check()
    monotonic.now += 121
    watch.check()


def test_a_process_that_was_slow_once_is_no_sign(watch: ClockWatch) -> None:
    for ahead in (-HOUR, 0.0, -HOUR, 2.0, HOUR, -HOUR):
        watch.process_seen(NETWORK, ahead)
        watch.check()


def test_the_server_is_asked_as_blocks_come_but_not_for_each(
    watch: ClockWatch, server: Server, monotonic: Monotonic, caplog: pytest.LogCaptureFixture
) -> None:
    """So the log has it even if nothing asks for the health."""
    server.ahead = HOUR
    for _ in range(10):
        watch.block_seen(NETWORK, NOW)
    assert server.asked == 1
    assert lines(caplog) == [
        (
            logging.WARNING,
            "clocks differ: this clock is 3600 s behind that of the storage's server",
        )
    ]
    monotonic.now += 61
    watch.block_seen(NETWORK, NOW)
    assert server.asked == 2


@needs_redis
def test_redis_has_a_clock(tmp_path: Path) -> None:
    with running(tmp_path / "redis") as redis, closing(open_redis(redis.url)) as storage:
        ClockWatch(SystemClock(), storage).check()
        with pytest.raises(Concern, match="ahead of that of the storage's server"):
            ClockWatch(ManualClock(SystemClock().time() + HOUR), storage).check()
