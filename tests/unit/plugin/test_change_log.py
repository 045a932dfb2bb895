"""The log of a server that comes and goes."""

import logging

import pytest

from facilitator.roles.change_log import ChangeLog
from facilitator.roles.circuit import Complaint
from facilitator.testing.clock import ManualClock

PLACE = "Store at store.example"
REPLICA = Complaint("the storage is not ready", "Store at store.example is a replica")
AWAY = Complaint("the storage cannot be reached", "Store at store.example cannot be reached")


class Log:
    """A log of changes by a clock that the test moves, and its lines."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog
        self.clock = ManualClock(100.0)
        self._log = ChangeLog(
            logging.getLogger("facilitator.store"), "Store at store.example", self.clock.time
        )

    def fails(self, complaint: Complaint) -> None:
        self._log.fails(complaint)

    def works(self) -> None:
        self._log.works()

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


AGAIN = "Store at store.example takes changes again"


def test_each_change_is_logged_once(log: Log) -> None:
    log.works()
    for _ in range(3):
        log.fails(REPLICA)
    for _ in range(3):
        log.fails(AWAY)
    for _ in range(3):
        log.works()
    assert log.lines == [REPLICA.detail, AWAY.detail, AGAIN]


def test_a_failure_that_comes_and_goes_is_logged_once_a_minute(log: Log) -> None:
    log.works()
    for _ in range(4):
        for _ in range(5):
            log.fails(REPLICA)
            log.works()
        log.clock.advance(30)
    assert log.lines == [REPLICA.detail, AGAIN] * 2


def test_the_start_itself_says_why_it_fails(log: Log) -> None:
    log.fails(AWAY)
    assert log.lines == []
    log.works()
    log.fails(AWAY)
    assert log.lines == [AWAY.detail]
