"""What systemd is told, over the socket that it names."""

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.server import sd_notify
from reload.conftest import Service
from support.notices import Notices


def test_ready_reloading_stopping(serve: Callable[..., Service]) -> None:
    """The first two are looked at wherever it is started and reads again."""
    service = serve()
    service.read_again()
    service.process.send_signal(signal.SIGINT)
    assert service.notices.next() == {"STOPPING": "1", "STATUS": "draining"}
    assert service.wait() == 0
    assert service.notices.rest() == []


def test_a_socket_in_the_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as folder, Notices(str(Path(folder, "notify"))) as notices:
        monkeypatch.setenv("NOTIFY_SOCKET", notices.address)
        sd_notify.notify_ready("listening")
        assert notices.next() == {"READY": "1", "STATUS": "listening"}
        sd_notify.disable()
        sd_notify.notify_stopping()
        assert notices.rest() == []


@pytest.mark.parametrize("address", [None, "", "@nobody", "/nowhere/notify", "not a path"])
def test_it_does_not_matter_whether_anybody_listens(
    monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    sd_notify.notify_reloading()
    assert os.environ.get("NOTIFY_SOCKET") == address
