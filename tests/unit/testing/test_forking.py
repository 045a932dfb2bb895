"""The tests' own forks: as a new Python would run, and no test waits for one without end."""

import os
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import forking
from support.fork_server import MAX_ORDER
from support.forking import ForkedProcess, Server, is_same_forked

PROGRAM = ("-m", "platform")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The end of a server that does only what the test does with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        server = Server(ours, dict(os.environ))
        monkeypatch.setattr(forking, "_server", lambda: server)
        yield theirs


def fork(folder: Path) -> ForkedProcess:
    return ForkedProcess(PROGRAM, folder, dict(os.environ), subprocess.STDOUT)


@pytest.mark.usefixtures("planted")
def test_the_environment_of_a_fork_is_that_in_which_its_server_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = dict(os.environ)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert is_same_forked(PROGRAM, before)
    assert not is_same_forked(PROGRAM, os.environ)


@pytest.mark.usefixtures("planted")
def test_a_server_that_says_nothing_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(forking, "FORK_SECONDS", 0.1)
    with pytest.raises(subprocess.TimeoutExpired):
        fork(tmp_path)


def test_what_a_server_says_amiss_is_shown(planted: socket.socket, tmp_path: Path) -> None:
    def say() -> None:
        _, files, _, _ = socket.recv_fds(planted, MAX_ORDER, 3)
        os.write(files[-1], b"no more processes\n")
        for file in files:
            os.close(file)

    with ThreadPoolExecutor() as pool:
        pool.submit(say)
        with pytest.raises(RuntimeError, match="no more processes"):
            fork(tmp_path)
