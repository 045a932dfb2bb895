"""The facilitators of a run: processes with workers, which are killed, stopped and started anew."""

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty

from support.process import ServeProcess
from support.waiting import DEADLINE_SECONDS, eventually

PROGRAM = Path(__file__).with_name("program.py")
_LIFE = re.compile(r'"worker (\d+) (is ready|ended|cannot start)')
_ERROR = re.compile(r'"level":[56]0')


class Replica(ServeProcess):
    """A supervisor and its workers. Of its log only errors are kept."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.workers: list[int] = []
        """Those that are ready."""
        super().__init__(folder, environ, [str(PROGRAM)])

    def note(self, line: str) -> None:
        if life := _LIFE.search(line):
            pid = int(life[1])
            if life[2] == "is ready":
                self.workers.append(pid)
            elif pid in self.workers:
                self.workers.remove(pid)
        if _ERROR.search(line) or not line.startswith("{"):
            super().note(line)

    def kill_all(self) -> None:
        """The supervisor first, which would start others."""
        self.process.kill()
        self.process.wait()
        for worker in self.workers:
            _signal(worker, signal.SIGKILL)


class Fleet:
    """Several facilitators that share their records."""

    def __init__(self, folder: Path, environ: Mapping[str, str], replicas: int) -> None:
        self._folder = folder
        self._environ = environ
        self.counts: Counter[str] = Counter()
        """What was done to them."""
        self._lock = threading.Lock()
        self._all: list[Replica] = []
        self._up: list[Replica] = []
        for _ in range(replicas):
            self._start()

    def _start(self) -> None:
        """Start one more, as often as it takes: its storage may be away."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            replica = Replica(self._folder, self._environ)
            self._all.append(replica)
            try:
                replica.port  # noqa: B018  # known once it listens
            except (AssertionError, Empty):
                replica.close()
                if time.monotonic() > deadline:
                    raise
            else:
                self._up.append(replica)
                return

    @property
    def port(self) -> int:
        """Of any of them that is up; 1, where nobody listens, when none is."""
        up = list(self._up)
        return random.choice(up).port if up else 1

    @property
    def errors(self) -> Sequence[str]:
        """What they logged as errors, and what is no log line."""
        return [line for each in self._all for line in each.lines]

    def kill_worker(self, draw: float) -> None:
        _signal(self._worker(draw), signal.SIGKILL)
        self.counts["workers killed"] += 1

    def kill_all(self, draw: float) -> None:
        """Kill a supervisor and its workers, and start another."""
        eventually(lambda: self._up)
        with self._lock:
            replica = self._up.pop(int(draw * len(self._up)))
        self.counts["workers killed"] += len(replica.workers)
        self.counts["supervisors killed"] += 1
        replica.kill_all()
        self._start()

    def stop_worker(self, draw: float, seconds: float) -> None:
        """Let a worker stand still for a while."""
        worker = self._worker(draw)
        _signal(worker, signal.SIGSTOP)
        self.counts["workers stopped"] += 1
        time.sleep(seconds)
        _signal(worker, signal.SIGCONT)

    def _worker(self, draw: float) -> int:
        """One of those that are ready, once there is one."""
        eventually(self._workers)
        workers = self._workers() or [0]
        return workers[int(draw * len(workers))]

    def _workers(self) -> list[int]:
        return [worker for replica in list(self._up) for worker in list(replica.workers)]

    def terminate(self) -> None:
        """Stop all that are up as an operator would. Raises :class:`AssertionError`."""
        for each in self._up:
            assert each.terminate() == 0, each.lines[-5:]

    def close(self) -> None:
        for each in self._all:
            each.close()


def _signal(process: int, number: int) -> None:
    if process:
        with suppress(ProcessLookupError):
            os.kill(process, number)
