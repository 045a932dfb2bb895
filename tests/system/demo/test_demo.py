"""``facilitator demo`` and ``facilitator sample-payment``, as a newcomer runs them."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from facilitator_devnet.demo import run as demo_run
from facilitator_devnet.demo.narrator import Narrator
from facilitator_devnet.demo.paywall import Paywall
from support.process import ServeProcess

COMMAND = [sys.executable, "-m", "facilitator"]


def facilitator(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    return subprocess.run(
        [*COMMAND, *words],
        cwd=cwd,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demo_shows_a_payment_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = facilitator("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in ("402 Payment Required", "isValid: true", "status confirmed", "fee: 0.1"):
        assert expected in done.stdout
    assert "error: duplicate_settlement" in done.stdout
    assert "test double" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert list(tmp_path.iterdir()) == []


def test_the_demo_as_json_lines(tmp_path: Path) -> None:
    done = facilitator("demo", "--json", cwd=tmp_path)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1] == {"event": "end", "ok": True}
    assert [event["number"] for event in events if event["event"] == "step"] == [*range(1, 11)]


@pytest.mark.parametrize(
    "settings",
    [
        "[default]\nplugins = ['memory']\nunknown = 1\n[default.server]\nport = 1",
        "[",
    ],
)
def test_the_demo_has_settings_of_its_own(tmp_path: Path, settings: str) -> None:
    (tmp_path / "settings.toml").write_text(settings)
    assert facilitator("demo", cwd=tmp_path).returncode == 0


def test_the_demo_fails_when_the_payment_is_not_refused_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The resource server forgets to ask, so that a used payment is as good as a new one."""
    first: list[Any] = []
    answer = Paywall.answer

    def careless(self: Paywall, signature: str | None) -> Any:
        if signature is None:
            return answer(self, signature)
        if not first:
            first.append(answer(self, signature))
        return first[0]

    monkeypatch.setattr(Paywall, "answer", careless)
    with pytest.raises(demo_run.DemoFailed, match="second use"):
        demo_run.run_demo(Narrator(as_json=True), verbose=False)
    assert "duplicate_settlement" not in capsys.readouterr().out


def test_an_interrupted_demo_ends(tmp_path: Path) -> None:
    """Its output has room for the introduction alone: it cannot be over before."""
    shown, output = os.pipe()
    full = fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, 4096) - 300
    os.write(output, bytes(full))
    with subprocess.Popen(
        [*COMMAND, "demo"], cwd=tmp_path, stdout=output, stderr=subprocess.DEVNULL
    ) as process:
        os.close(output)
        eventually(lambda: _held(shown) > full)
        process.send_signal(signal.SIGINT)
        with open(shown, "rb") as reader:
            reader.read()
        assert process.wait(60) == 130
    assert list(tmp_path.iterdir()) == []


def _held(pipe: int) -> int:
    """The bytes that nothing has read yet."""
    answer = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


@pytest.mark.parametrize(
    "options", [(), ("--asset", "tusdm", "--amount", "5", "--wallet", "bob", "--ttl", "900")]
)
def test_a_sample_payment_is_valid_as_printed(tmp_path: Path, options: tuple[str, ...]) -> None:
    printed = facilitator("sample-payment", *options, cwd=tmp_path)
    process = ServeProcess(tmp_path)
    try:
        body = printed.stdout.encode()
        status, verdict = call(process.port, "POST", "/verify", body)
        assert (status, verdict["isValid"]) == (200, True), verdict
        status, settled = call(process.port, "POST", "/settle", body, {"Prefer": "wait=30"})
        assert settled["success"] is True
        assert process.terminate() == 0
    finally:
        process.close()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--input", "9"), "alice has the outputs 0 to 4"),
        (("--pay-to", "addr_test1nonsense"), "bech32"),
        (("--amount", "9999999999"), "do not cover"),
        (("--amount", "0"), "--amount must be from 1 to"),
        (("--ttl", "0"), "--ttl must be from 1 to 2592000"),
        (("--ttl", "2592001"), "--ttl must be from 1 to 2592000"),
        (("--confirmations", "21"), "--confirmations must be from -1 to 20"),
    ],
)
def test_a_sample_payment_that_cannot_be_made(
    tmp_path: Path, options: tuple[str, str], why: str
) -> None:
    printed = facilitator("sample-payment", *options, cwd=tmp_path)
    assert printed.returncode == 1
    assert why in printed.stderr
    assert "Traceback" not in printed.stderr
