"""The plugin's settings, and what ``facilitator check`` shows of them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sentry_sdk

from facilitator import __version__
from facilitator.cli import main
from facilitator.errors import ConfigInvalidError
from facilitator.plugin.loading import configure
from facilitator.testing.redis_server import free_port
from support.sentry_endpoint import KEY, PROJECT, SentryEndpoint

Check = Callable[..., tuple[int, str]]


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Check]:
    """Run ``facilitator check``: its exit code, and all that it printed."""
    for name in [name for name in os.environ if name.startswith("FACILITATOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def check(**environ: str) -> tuple[int, str]:
        for name, value in {"PLUGINS": "devnet,memory,sentry", **environ}.items():
            monkeypatch.setenv(f"FACILITATOR_{name}", value)
        code = main(["check"])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    yield check
    # The SDK has one client for all of a process.
    sentry_sdk.init()


@pytest.mark.parametrize(
    "dsn",
    [
        "hunter2",
        "ftp://hunter2@sentry.example/1",
        "https://sentry.example/hunter2",
        "https://hunter2@sentry.example",
        "https://hunter2@sentry.example/project",
        "https://hunter2@sentry.example:port/1",
        "https://hunter2@[sentry.example/1",
    ],
)
def test_a_wrong_dsn_is_refused_without_being_shown(tmp_path: Path, dsn: str) -> None:
    environ = {"FACILITATOR_PLUGINS": "devnet,memory,sentry", "FACILITATOR_SENTRY__DSN": dsn}
    with pytest.raises(ConfigInvalidError) as refused:
        configure(environ=environ, cwd=tmp_path)
    assert str(refused.value) == (
        "sentry.dsn: must be a DSN as Sentry shows it, such as https://<key>@sentry.example/1 "
        "(environment variable FACILITATOR_SENTRY__DSN)"
    )


def test_check_says_where_reports_go(check: Check, sentry: SentryEndpoint) -> None:
    code, printed = check(SENTRY__DSN=sentry.dsn, SENTRY__ENVIRONMENT="shop-eu", LOG__LEVEL="debug")
    assert code == 0, printed
    host = sentry.dsn.partition("@")[2].partition("/")[0]
    assert (
        f"error reporting (sentry): Sentry at {host} answers; project {PROJECT}, environment "
        f"shop-eu, release x402-cardano-facilitator@{__version__}, traces of 10% of requests"
    ) in printed
    assert KEY not in printed


def test_check_fails_when_sentry_is_not_there(check: Check) -> None:
    port = free_port()
    code, printed = check(SENTRY__DSN=f"http://{KEY}@127.0.0.1:{port}/1")
    assert code == 1
    assert f"Sentry at 127.0.0.1:{port} does not answer: " in printed
    assert KEY not in printed


def test_check_says_that_it_is_off(check: Check) -> None:
    code, printed = check()
    assert code == 0
    assert "error reporting (sentry): off: the setting sentry.dsn is not set" in printed
