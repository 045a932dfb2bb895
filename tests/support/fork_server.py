"""A process that has imported the facilitator, and forks for each program that is to run.

Imports would take most of the processor time of a start. Run as a program, with the number of a
socket, it takes orders from there. Each comes with the two outputs of the program to run, and a
socket on which to say its process ID and, once it has ended, its exit code.
"""

import gc
import json
import os
import resource
import runpy
import selectors
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import NamedTuple

IMPORTED = (
    "facilitator.cli.serve",
    "facilitator.runtime.process",
    "facilitator_blockfrost",
    "facilitator_devnet",
    "facilitator_memory",
    "facilitator_sqlite",
)
MAX_ORDER = 1 << 17
"""Bytes of the longest order."""


class Order(NamedTuple):
    """A program to run."""

    words: Sequence[str]
    """``-m``, a module and its arguments; or a file and its arguments."""
    folder: str
    environ: Mapping[str, str]
    most_files: Sequence[int]
    """How many files it may open, and how many it may allow itself."""

    def send(self, control: socket.socket, files: Sequence[int]) -> None:
        """Send the order with its outputs and its socket."""
        socket.send_fds(control, [json.dumps(self._asdict()).encode()], files)


class Running(NamedTuple):
    """A process that was forked."""

    pid: int
    reports: socket.socket

    def report_end(self) -> None:
        """Report the exit code, negative for a signal."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        with self.reports, suppress(BrokenPipeError):  # who asked for it may have ended
            self.reports.sendall(b"%d\n" % code)


def serve(control: socket.socket) -> Order | None:
    """Fork for each order; return the order in the process that is to carry it out.

    Return ``None`` in this process once no one can give orders and all that was forked has ended.
    """
    running: dict[int, Running] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                if key.fd in running:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    running.pop(key.fd).report_end()
                    continue
                order, files, _, _ = socket.recv_fds(control, MAX_ORDER, 3)
                if not order:
                    selector.unregister(control)
                    continue
                if (pid := os.fork()) == 0:
                    for watched, other in running.items():
                        os.close(watched)
                        other.reports.close()
                    control.close()
                    return begin(Order(**json.loads(order)), files)
                reports = socket.socket(fileno=files.pop())
                reports.sendall(b"%d\n" % pid)
                for file in files:
                    os.close(file)
                watched = os.pidfd_open(pid)
                running[watched] = Running(pid, reports)
                selector.register(watched, selectors.EVENT_READ)
    return None


def begin(order: Order, files: Sequence[int]) -> Order:
    """Take the outputs, the folder, the environment and the limit of the order; return it."""
    for output, file in enumerate(files[:2], start=1):
        os.dup2(file, output)
    # What this process had for its own outputs may have had a place in a file.
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    for file in files:
        os.close(file)
    soft, hard = order.most_files
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.environ)
    return order


def run(order: Order) -> None:
    """Run the program as Python would."""
    if order.words[0] == "-m":
        sys.argv[:], sys.path[0] = order.words[1:], order.folder
        runpy.run_module(order.words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv[:], sys.path[0] = order.words, os.path.dirname(order.words[0])
        runpy.run_path(order.words[0], run_name="__main__")


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in IMPORTED:
        import_module(name)
    gc.freeze()
    if ordered := serve(control):
        run(ordered)
