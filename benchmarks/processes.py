"""Processes of the benchmarks: how to start one, and what it has used."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Running:
    """A process and where it listens."""

    pid: int
    url: str


@contextmanager
def process(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    folder: Path,
    script: str | None = None,
    under: Sequence[str] = (),
) -> Iterator[Running]:
    """Run a command of ``facilitator``, or a script, until the block ends; it listens already.

    ``under`` is the command of a tool that runs it.
    """
    python = [sys.executable, *([script] if script else ["-m", "facilitator"])]
    with listening([*under, *python, *arguments], environ, folder) as running:
        yield running


@contextmanager
def listening(
    command: Sequence[str], environ: Mapping[str, str], folder: Path
) -> Iterator[Running]:
    """Run a command until the block ends, from when it prints where it listens."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("FACILITATOR_")}
    running = subprocess.Popen(
        command,
        env={**own, **environ},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert running.stdout is not None
        said = []
        for line in running.stdout:
            said.append(line)
            if found := re.search(r"http://[0-9.]+:[0-9]+", line):
                break
        else:
            raise SystemExit(f"{' '.join(command)} did not start: {''.join(said)}")
        threading.Thread(target=running.stdout.read, daemon=True).start()
        yield Running(running.pid, found[0])
    finally:
        running.terminate()
        running.wait()


def is_listening(port: int) -> bool:
    """Return True if something on the loopback takes connections at the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def cpu_seconds(pid: int) -> float:
    """CPU time that the process has used, with all its threads that were."""
    return time.clock_gettime((~pid << 3) | 2)  # Linux' number of the clock of a process


def resident_mb(pid: int) -> float:
    """Memory that the process holds, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def children(pid: int) -> list[int]:
    """The processes that the process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def on_cores(cores: Collection[int]) -> Iterator[None]:
    """Run on these cores meanwhile; processes that are started stay there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
