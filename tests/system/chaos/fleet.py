"""The facilitators of a run: processes with workers, which are killed, stopped and restarted."""

import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty

from facilitator.testing.waiting import DEADLINE_SECONDS, eventually
from support.process import ServeProcess

PROGRAM = Path(__file__).with_name("program.py")
_LIFE = re.compile(r'"worker (\d+) (is ready|ended|cannot start)')
_LEADS = re.compile(r'"pid":(\d+).*"this process follows ')
_ERROR = re.compile(r'"level":[56]0')


class Replica(ServeProcess):
    """A supervisor and its workers. Of its log only errors are kept."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.workers: list[int] = []
        """Those that are ready."""
        self.leader = 0
        """The one that was the latest to begin to read the blocks for all; 0 before that."""
        self.led_at = 0.0
        super().__init__(folder, environ, [str(PROGRAM)])

    def note(self, line: str) -> None:
        if life := _LIFE.search(line):
            pid = int(life[1])
            if life[2] == "is ready":
                self.workers.append(pid)
            elif pid in self.workers:
                self.workers.remove(pid)
        if leads := _LEADS.search(line):
            self.leader, self.led_at = int(leads[1]), time.monotonic()
        if _ERROR.search(line) or not line.startswith("{"):
            super().note(line)

    def kill_all(self) -> None:
        """The supervisor first, which would start others."""
        self.process.kill()
        self.process.wait()
        for worker in self.workers:
            _signal(worker, signal.SIGKILL)


class Fleet:
    """Several facilitators, each in its place: one that is killed there is followed by another."""

    def __init__(self, folder: Path, environs: Sequence[Callable[[], Mapping[str, str]]]) -> None:
        """``environs`` has a function for each place: what is added to the environment there."""
        self._folder = folder
        self._environs = environs
        self.counts: Counter[str] = Counter()
        """What was done to them."""
        self.changes = threading.RLock()
        """Held while facilitators end and start."""
        self._all: list[Replica] = []
        self._up: dict[int, Replica] = {}
        for place in range(len(environs)):
            self._start(place)

    def _start(self, place: int) -> None:
        """Start one in its place, as often as it takes: its storage may be away."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._starts(place):
            assert time.monotonic() < deadline, self._all[-1].lines[-5:]

    def _starts(self, place: int) -> bool:
        """Start one in its place; whether it listens, which may take its storage."""
        replica = Replica(self._folder, self._environs[place]())
        self._all.append(replica)
        try:
            replica.port  # noqa: B018  # known once it listens
        except (AssertionError, Empty):
            replica.close()
            return False
        self._up[place] = replica
        return True

    @property
    def number_up(self) -> int:
        """How many listen."""
        return len(self._up)

    def port(self, place: int | None = None) -> int:
        """Of the one in the place, else of any that is up; 1, where nothing listens, of none."""
        up = dict(self._up)
        replica = random.choice(list(up.values()) or [None]) if place is None else up.get(place)
        return replica.port if replica else 1

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
        with self.changes:
            place = list(self._up)[int(draw * len(self._up))]
            self._replace(place)

    def kill_leader(self, draw: float) -> None:
        """Kill the process that reads the blocks for all, or by chance its supervisor too."""
        eventually(self._workers)
        with self.changes:
            places = sorted(self._up, key=lambda place: self._up[place].led_at)
            replica = self._up[places[-1]]
            self.counts["leaders killed"] += replica.leader in replica.workers
            # First: without its supervisor it would stop, and leave the lead to another.
            _signal(replica.leader or self._worker(draw), signal.SIGKILL)
            if draw < 0.5:
                self._replace(places[-1])
            else:
                self.counts["workers killed"] += 1

    def _replace(self, place: int) -> None:
        replica = self._up.pop(place)
        self.counts["workers killed"] += len(replica.workers)
        self.counts["supervisors killed"] += 1
        replica.kill_all()
        self._start(place)

    def restart(self, between: Callable[[], None]) -> None:
        """Stop all as an operator would, do something, and start all again."""
        with self.changes:
            places, replicas = list(self._up), list(self._up.values())
            self._up.clear()
            for each in replicas:
                each.terminate()
            between()
            for place in places:
                self._start(place)

    def try_one_more(self, place: int) -> None:
        """Start one like that in the place; it stays if it can work, and is asked, too."""
        with self.changes:
            self._environs = [*self._environs, self._environs[place]]
            if not self._starts(len(self._environs) - 1):
                self._environs = self._environs[:-1]

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
        up = list(self._up.values())
        return [worker for replica in up for worker in list(replica.workers)]

    def terminate(self) -> None:
        """Stop all that are up as an operator would. Raises :class:`AssertionError`."""
        for each in self._up.values():
            assert each.terminate() == 0, each.lines[-5:]

    def close(self) -> None:
        for each in self._all:
            each.close()


def _signal(process: int, number: int) -> None:
    if process:
        with suppress(ProcessLookupError):
            os.kill(process, number)
