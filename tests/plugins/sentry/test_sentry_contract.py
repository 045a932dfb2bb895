"""The reporter passes the contract of error reporters."""

from collections.abc import Callable

import pytest

from facilitator.roles.reporting import ErrorReporter
from facilitator.testing.error_reporter import ErrorReporterContract
from facilitator.testing.running import Running
from facilitator_sentry.reporter import Off
from support.sentry_endpoint import SentryEndpoint


class TestSentry(ErrorReporterContract):
    @pytest.fixture
    def reporter(self, reporting: Callable[..., Running]) -> ErrorReporter:
        started = reporting().facilitator
        ((_, reporter),) = started.faults.reporters
        return reporter

    @pytest.fixture
    def reported(self, sentry: SentryEndpoint) -> Callable[[], str]:
        return lambda: f"{sentry.events}"


class TestOff(ErrorReporterContract):
    @pytest.fixture
    def reporter(self) -> ErrorReporter:
        return Off()
