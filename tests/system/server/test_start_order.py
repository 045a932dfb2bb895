"""The steps of the start, and what happens when one fails or a signal comes too early."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from facilitator.testing.waiting import eventually
from support.process import ServeProcess

TELLING = """
import os, time
from facilitator import hookimpl

def tell(what):
    os.write(1, f"{what}\\n".encode())
    if os.environ["TELLING"] == f"raise in {what}":
        raise OSError(f"{what} is out of order")
    if os.environ["TELLING"] == f"wait in {what}":
        while True:
            time.sleep(0.1)

class Reporter:
    def report(self, error, context):
        os.write(1, f"reported {error}\\n".encode())

    def flush(self, timeout):
        os.write(1, b"flushed\\n")

@hookimpl
def settings_sections():
    tell("settings")
    return {}

@hookimpl
def error_reporter():
    tell("error reporting")
    return Reporter()

@hookimpl
def storage():
    tell("storage")

@hookimpl
def chain_provider():
    tell("chain")

@hookimpl
def rate_limiter():
    tell("rate limiter")

@hookimpl
def routes():
    tell("routes")
    return {}

@hookimpl
def startup():
    tell("start-up")

@hookimpl
def shutdown():
    tell("shutdown")
"""
STEPS = [
    "settings",
    "error reporting",
    "storage",
    "chain",
    "rate limiter",
    "routes",
    "start-up",
    "shutdown",
]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], ServeProcess]]:
    """Start it with a plugin that tells what it is asked for, and raises or waits if told to."""
    site = tmp_path / "site"
    info = site / "telling-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: telling\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[facilitator.plugins]\ntelling = telling_of_steps\n")
    (site / "telling_of_steps.py").write_text(TELLING)
    environ = {
        "FACILITATOR_PLUGINS": "telling,devnet,memory",
        "FACILITATOR_SERVER__THREADS": "8",
        "PYTHONPATH": str(site),
    }
    with ExitStack() as stack:
        yield lambda what: stack.enter_context(
            closing(ServeProcess(tmp_path, {**environ, "TELLING": what}))
        )


def steps(process: ServeProcess) -> list[str]:
    return [line.strip() for line in process.lines if line.strip() in STEPS]


def messages(process: ServeProcess) -> list[str]:
    return [json.loads(line)["msg"] for line in process.lines if line.startswith("{")]


def test_the_steps_come_in_order_and_requests_last(serve: Callable[[str], ServeProcess]) -> None:
    process = serve("")
    assert process.port
    told = [line.strip() for line in process.lines]
    assert told.index("start-up") < next(n for n, line in enumerate(told) if "listening on" in line)
    assert process.terminate() == 0
    assert steps(process) == STEPS
    assert messages(process)[-1] == "stopped"
    assert process.lines[-1] == "flushed\n"


@pytest.mark.parametrize(("step", "reaches"), [("chain", 4), ("start-up", 7)])
def test_a_step_that_fails_is_told_and_reported(
    serve: Callable[[str], ServeProcess], step: str, reaches: int
) -> None:
    process = serve(f"raise in {step}")
    assert process.wait() == 1
    hook = {"chain": "chain_provider", "start-up": "startup"}[step]
    told = f"plugin 'telling' failed in {hook}: OSError: {step} is out of order"
    assert process.lines[-1] == f"PluginError: {told}\n"
    assert [each for each in steps(process) if each != "shutdown"] == STEPS[:reaches]
    assert f"reported {told}\n" in process.lines
    assert "flushed\n" in process.lines
    assert not any("Traceback" in line for line in process.lines)


def test_sigterm_ends_a_start_that_takes_long(serve: Callable[[str], ServeProcess]) -> None:
    """Also as the first process of a container, which no signal ends that it does not handle."""
    process = serve("wait in start-up")
    eventually(lambda: "start-up\n" in process.lines)
    process.process.send_signal(signal.SIGHUP)  # nothing to do yet
    assert process.terminate() == 0
    assert messages(process)[-1] == "stopped"
    assert "shutdown\n" in process.lines
