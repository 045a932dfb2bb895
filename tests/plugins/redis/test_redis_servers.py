"""Where there is no Redis to test against: left out with the reason, except on CI."""

from pathlib import Path

import pytest

from facilitator.testing import redis_server
from facilitator.testing.redis_server import NO_SERVER, may_be_skipped, running


@pytest.mark.parametrize(
    ("binary", "environ", "skipped"),
    [
        (None, {}, True),
        (None, {"CI": ""}, True),
        (None, {"CI": "true"}, False),
        ("valkey-server", {}, False),
        ("valkey-server", {"CI": "true"}, False),
    ],
)
def test_on_ci_nothing_is_left_out(
    binary: str | None, environ: dict[str, str], skipped: bool
) -> None:
    assert may_be_skipped(binary, environ) is skipped


def test_without_a_server_what_runs_fails_and_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_server, "BINARY", None)
    with pytest.raises(AssertionError, match=NO_SERVER), running(tmp_path / "server"):
        pass
