"""Contract tests that every error reporter must pass.

Subclass :class:`ErrorReporterContract` in a test module, and give it the fixture ``reporter``. The
fixture ``reported`` is optional: a function that returns the text of everything that has arrived.
The fixture ``cut`` is optional as well: a function that cuts the reporter off its destination.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import pytest

from facilitator.roles.reporting import DescribesDestination, ErrorReporter
from facilitator.testing.start import check_as_at_start
from facilitator.testing.threads import together

THREADS = 8
FLUSH_SECONDS = 10.0
REQUEST = MappingProxyType(
    {
        "requestId": "7f3a",
        "method": "POST",
        "url": "http://127.0.0.1/settle",
        "path": "/settle",
        "status": "500",
    }
)
CONTEXTS: tuple[Mapping[str, str], ...] = (
    REQUEST,
    MappingProxyType({}),
    MappingProxyType({"plugin": "my_plugin", "hook": "after_settle"}),
    MappingProxyType({"thread": "follower"}),
)


class Unprintable(Exception):
    """An error whose text cannot be made."""

    def __str__(self) -> str:
        """Fail."""
        raise ValueError("no text")


def _raised(error: BaseException) -> BaseException:
    """Return the error with a traceback and a cause."""
    try:
        try:
            raise KeyError("cause")
        except KeyError as cause:
            raise error from cause
    except BaseException as caught:
        return caught


ERRORS: tuple[BaseException, ...] = (
    LookupError("not raised"),
    ValueError(),
    RuntimeError("NUL \0, \U0001d4b3, a lone surrogate \ud800, and no end " + "x" * 100_000),
    Unprintable(),
    KeyboardInterrupt(),
    SystemExit(3),
    ExceptionGroup("several", [ValueError("one"), OSError(2, "two")]),
)


class ErrorReporterContract:
    """All promises of :class:`~facilitator.roles.reporting.ErrorReporter`."""

    @pytest.fixture
    def reporter(self) -> ErrorReporter:
        """Return the reporter under test; a subclass defines it."""
        raise NotImplementedError("define the fixture reporter")

    @pytest.fixture
    def reported(self) -> Callable[[], str] | None:
        """Return a function that returns what has arrived; a subclass may define it."""
        return None

    @pytest.fixture
    def cut(self) -> Callable[[], None] | None:
        """Return a function that cuts the reporter off; a subclass may define it."""
        return None

    def test_the_start_takes_the_reporter(self, reporter: ErrorReporter) -> None:
        """It has every method, and each takes the arguments of the protocol by their names."""
        check_as_at_start("error_reporter", reporter)

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
    def test_every_error_is_taken(self, reporter: ErrorReporter, error: BaseException) -> None:
        """With any text and any context, raised or not. Nothing is raised, or changed."""
        for context in CONTEXTS:
            reporter.report(error, context)
            reporter.report(_raised(error), context)
        reporter.flush(FLUSH_SECONDS)

    def test_many_threads_report_at_once(self, reporter: ErrorReporter) -> None:
        """None of them waits for the destination for ever, and none fails."""

        def report(name: int) -> None:
            for number in range(20):
                reporter.report(LookupError(f"{name} {number}"), REQUEST)

        together([partial(report, name) for name in range(THREADS)])
        reporter.flush(FLUSH_SECONDS)

    def test_a_flush_may_come_at_any_time(self, reporter: ErrorReporter) -> None:
        """Without anything to send, without any time for it, and twice."""
        reporter.flush(0)
        reporter.report(LookupError("late"), REQUEST)
        reporter.flush(0)
        reporter.flush(FLUSH_SECONDS)
        reporter.report(LookupError("later"), REQUEST)

    def test_what_is_reported_arrives(
        self, reporter: ErrorReporter, reported: Callable[[], str] | None
    ) -> None:
        """The kind of the error, its text, and the id of the request."""
        if reported is None:
            pytest.skip("define the fixture reported, which returns what has arrived")
        reporter.report(_raised(LookupError("it is lost")), REQUEST)
        reporter.flush(FLUSH_SECONDS)
        text = reported()
        assert [each for each in ("LookupError", "it is lost", "7f3a") if each not in text] == []

    def test_a_destination_that_is_away_harms_nothing(
        self, reporter: ErrorReporter, cut: Callable[[], None] | None
    ) -> None:
        """Reports are lost then, without an error."""
        if cut is None:
            pytest.skip("define the fixture cut, which cuts the reporter off its destination")
        cut()
        reporter.report(LookupError("lost"), REQUEST)
        reporter.flush(1.0)
        reporter.report(LookupError("lost again"), REQUEST)

    def test_the_destination_is_a_line(self, reporter: ErrorReporter) -> None:
        """``facilitator check`` shows it."""
        if not isinstance(reporter, DescribesDestination):
            pytest.skip("the reporter does not describe its destination")
        assert reporter.where().strip()
        assert "\n" not in reporter.where()
