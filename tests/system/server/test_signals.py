"""SIGTERM and SIGINT: nothing that was begun is lost, and the process ends in time with 0."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from support.web import Client, payment

PROGRAM = Path(__file__).with_name("program.py")


@dataclass
class Program:
    process: "subprocess.Popen[str]"
    client: Client
    output: IO[str]
    input: IO[str]
    errors: IO[str]

    def await_line(self, *lines: str) -> None:
        """Wait until the program has said these, in any order."""
        said = sorted(self.output.readline().strip() for _ in lines)
        assert said == sorted(lines)


@contextmanager
def running(folder: Path, shutdown_seconds: float) -> Iterator[Program]:
    tests = str(PROGRAM.parents[2])
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), str(shutdown_seconds)],
        env={**os.environ, "PYTHONPATH": tests},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            first = json.loads(process.stderr.readline())
            port = int(first["msg"].removeprefix("listening on http://127.0.0.1:"))
            yield Program(process, Client(port), process.stdout, process.stdin, process.stderr)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_begun_is_answered_and_nothing_new_is_taken(
    tmp_path: Path, number: signal.Signals
) -> None:
    with running(tmp_path, 30) as program, ThreadPoolExecutor(2) as pool:
        settling = pool.submit(program.client.call, "POST", "/settle", payment())
        verifying = pool.submit(program.client.call, "POST", "/verify", payment())
        program.await_line("settling", "verifying")
        program.process.send_signal(number)
        program.await_line("draining")
        with pytest.raises(ConnectionRefusedError):
            program.client.connect()
        pending = settling.result(60)
        assert (pending.status, pending.json["errorReason"]) == (200, "settlement_pending")
        assert pending.headers["connection"] == "close"
        assert program.process.poll() is None
        program.process.send_signal(number)  # impatience changes nothing
        program.input.write("go on\n")
        program.input.flush()
        assert verifying.result(60).json == {"isValid": True}
        assert program.process.wait(60) == 0
        messages = [json.loads(line)["msg"] for line in program.errors]
    assert messages == ["request completed", "request completed", "stopped"]


def test_an_idle_server_stops_at_once_though_a_client_stays(tmp_path: Path) -> None:
    with running(tmp_path, 30) as program, program.client.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        program.process.terminate()
        assert program.process.wait(60) == 0


def test_a_request_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, 0.2) as program, ThreadPoolExecutor(1) as pool:
        verifying = pool.submit(program.client.call, "POST", "/verify", payment())
        program.await_line("verifying")
        program.process.terminate()
        assert program.process.wait(60) == 0
        with pytest.raises(ConnectionError):
            verifying.result(60)
        entries = [json.loads(line) for line in program.errors]
    assert {"stopped before every request was answered", "stopped"} <= {
        entry["msg"] for entry in entries
    }
