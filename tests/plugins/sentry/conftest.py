"""Facilitators that report to an endpoint on the loopback."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sentry_sdk

from facilitator.testing.running import Running
from support.faulty import install_faulty
from support.process import ServeProcess
from support.sentry_endpoint import SentryEndpoint, sentry_endpoint


@pytest.fixture
def sentry() -> Iterator[SentryEndpoint]:
    with sentry_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def reporting(
    run: Callable[..., Running], sentry: SentryEndpoint
) -> Iterator[Callable[..., Running]]:
    """Start a facilitator in this process that reports every trace."""

    def start(**settings: object) -> Running:
        defaults = {
            "plugins": "devnet,memory,sentry",
            "sentry__dsn": sentry.dsn,
            "sentry__traces_sample_rate": "1",
        }
        return run(**{**defaults, **settings})

    yield start
    # The SDK has one client for all of a process.
    sentry_sdk.init()


@pytest.fixture
def serve(tmp_path: Path, sentry: SentryEndpoint) -> Iterator[Callable[..., ServeProcess]]:
    """Start ``facilitator serve`` with a plugin that fails."""
    package = install_faulty(tmp_path)
    with ExitStack() as stack:

        def start(**environ: str) -> ServeProcess:
            defaults = {
                "PYTHONPATH": package,
                "FACILITATOR_PLUGINS": "devnet,memory,sentry,faulty",
                "FACILITATOR_DEVNET__BLOCK_SECONDS": "0.2",
                "FACILITATOR_SERVER__THREADS": "8",
                "FACILITATOR_SENTRY__DSN": sentry.dsn,
            }
            process = ServeProcess(tmp_path, {**defaults, **environ})
            return stack.enter_context(closing(process))

        yield start
