"""``facilitator serve`` with settings files that are rewritten, and a manager that it notifies."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from support.notices import Notices
from support.process import ServeProcess


class Service(ServeProcess):
    """Reads its settings again when it is told to."""

    def __init__(self, folder: Path, notices: Notices, **environ: str) -> None:
        self._folder = folder
        self.notices = notices
        threads = {"FACILITATOR_SERVER__THREADS": "8"}
        super().__init__(folder, {"NOTIFY_SOCKET": notices.address, **threads, **environ})
        assert notices.next() == {"READY": "1", "STATUS": f"listening on {self.url}"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def read_again(self, **files: str) -> str:
        """Have it read these settings, by the names of the files; its status afterwards."""
        write(self._folder, **files)
        self.process.send_signal(signal.SIGHUP)
        begun = self.notices.next()
        assert begun.pop("RELOADING") == "1"
        assert int(begun.pop("MONOTONIC_USEC")) > 0
        assert begun == {}
        done = self.notices.next()
        assert done.pop("READY") == "1"
        return done["STATUS"]

    def said(self, level: int) -> list[str]:
        """The messages of that severity, as pino counts it."""
        entries: list[dict[str, Any]] = [json.loads(line) for line in list(self.lines)]
        return [entry["msg"] for entry in entries if entry["level"] == level]


def write(folder: Path, **files: str) -> None:
    names = {"settings": "settings.toml", "secrets": ".secrets.toml"}
    for name, text in files.items():
        (folder / names[name]).write_text(text)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start it: ``serve(settings="[default.log]\\n…")``; what is in capitals is environment."""
    with ExitStack() as stack:

        def start(**given: str) -> Service:
            write(tmp_path, **{name: text for name, text in given.items() if name.islower()})
            environ = {name: value for name, value in given.items() if name.isupper()}
            notices = stack.enter_context(Notices())
            return stack.enter_context(closing(Service(tmp_path, notices, **environ)))

        yield start
