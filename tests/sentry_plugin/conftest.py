"""Facilitators that report to an endpoint on the loopback."""

import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sentry_sdk

from support.process import ServeProcess
from support.running import Running
from support.sentry_endpoint import SentryEndpoint, sentry_endpoint

FAULTY = '''
    """Fails wherever a facilitator can, with a secret in its mouth."""
    import os, threading
    from facilitator import hookimpl
    from facilitator_devnet.devnet import Devnet

    TEXT = "could not use " + os.environ.get("FAULTY_TEXT", "it")

    def fail():
        raise LookupError(TEXT)

    class Request:
        def on_get(self, req, resp, kind):
            fail()

    class Thread:
        def on_get(self, req, resp):
            threading.Thread(target=fail, name="errand").start()
            resp.media = {}

    @hookimpl
    def routes():
        return {"/fault/{kind}": Request(), "/thread": Thread()}

    @hookimpl
    def startup():
        blocks_after = Devnet.blocks_after

        def fail_once(self, point):
            Devnet.blocks_after = blocks_after
            fail()

        Devnet.blocks_after = fail_once
'''


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
    package = tmp_path / "site"
    (package / "faulty-1.dist-info").mkdir(parents=True)
    (package / "faulty.py").write_text(textwrap.dedent(FAULTY))
    (package / "faulty-1.dist-info/METADATA").write_text("Name: faulty\nVersion: 1\n")
    (package / "faulty-1.dist-info/entry_points.txt").write_text(
        "[facilitator.plugins]\nfaulty = faulty\n"
    )
    with ExitStack() as stack:

        def start(**environ: str) -> ServeProcess:
            defaults = {
                "PYTHONPATH": str(package),
                "FACILITATOR_PLUGINS": "devnet,memory,sentry,faulty",
                "FACILITATOR_DEVNET__BLOCK_SECONDS": "0.2",
                "FACILITATOR_SERVER__THREADS": "8",
                "FACILITATOR_SENTRY__DSN": sentry.dsn,
            }
            process = ServeProcess(tmp_path, {**defaults, **environ})
            return stack.enter_context(closing(process))

        yield start
