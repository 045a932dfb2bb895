"""A facilitator in a process of its own, which can be killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Queue

from support.forking import ForkedProcess, is_same_forked

START_SECONDS = 120.0
SERVE = ("-m", "facilitator", "serve")


class ServeProcess:
    """``facilitator serve``, or another program like it, on a free port; its log is kept."""

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = SERVE,
        *,
        stderr: int = subprocess.STDOUT,
    ) -> None:
        self.lines: list[str] = []
        self._port: Queue[int | None] = Queue()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
        variables = {**inherited, "FACILITATOR_SERVER__PORT": "0", **(environ or {})}
        self.process: ForkedProcess | subprocess.Popen[str]
        if is_same_forked(program, variables):
            self.process = ForkedProcess(program, folder, variables, stderr)
        else:
            self.process = subprocess.Popen(
                [sys.executable, *program],
                cwd=folder,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.note(line)
            if "listening on" in line:
                self._port.put(int(json.loads(line)["msg"].rsplit(":", 1)[1]))
        self._port.put(None)

    def note(self, line: str) -> None:
        """Take a line of the log."""
        self.lines.append(line)

    @property
    def port(self) -> int:
        """The port it listens on, once it does."""
        port = self._port.get(timeout=START_SECONDS)
        self._port.put(port)
        assert port is not None, "".join(self.lines)
        return port

    def wait(self, timeout: float = 120.0) -> int:
        """Its exit code, once it has ended; negative for a signal."""
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        return code

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
