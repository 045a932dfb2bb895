"""Processes whose plugin misbehaves: payments end as they should, and so do the processes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment
from support.misbehaving import misbehaving
from support.process import ServeProcess

NETWORK = "cardano:preprod"
OBSERVERS: dict[str, tuple[str, ...]] = {
    "after_verify": ("payment", "response"),
    "after_settle": ("payment", "response"),
    "settlement_changed": ("claim",),
    "request_started": ("request",),
    "request_completed": ("request", "response"),
}
Start = Callable[..., ServeProcess]


def environ(folder: Path, source: str) -> dict[str, str]:
    """The settings of a process with the plugin ``bad``."""
    site = folder / "site"
    (site / "bad-1.dist-info").mkdir(parents=True)
    (site / "bad.py").write_text(source)
    (site / "bad-1.dist-info/METADATA").write_text("Name: bad\nVersion: 1\n")
    (site / "bad-1.dist-info/entry_points.txt").write_text("[facilitator.plugins]\nbad = bad\n")
    return {
        "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
        "FACILITATOR_PLUGINS": "devnet,memory,bad",
        "FACILITATOR_DEVNET__BLOCK_SECONDS": "0.2",
        "FACILITATOR_SERVER__SHUTDOWN_SECONDS": "1",
        "FACILITATOR_SERVER__THREADS": "8",
        "FACILITATOR_SERVER__PORT": "0",
        "FACILITATOR_HOOKS__OBSERVER_SECONDS": "1",
    }


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(source: str, **further: str) -> ServeProcess:
            settings = {**environ(tmp_path, source), **further}
            return stack.enter_context(closing(ServeProcess(tmp_path, settings)))

        yield start


def payment() -> dict[str, Any]:
    merchant = "addr_test1vqpum5zt6p64d67y9mujujndsqkf4knvupmnx76mw308n2ggwqajh"
    terms = requirements(NETWORK, merchant, 2_000_000)
    ref = genesis_output(NETWORK, "alice", 0, None)
    signed = payload(terms, sign_payment(terms, "alice", ref, 300), ref)
    return {"x402Version": 2, "paymentPayload": signed, "paymentRequirements": terms}


def said(process: ServeProcess) -> str:
    """What the log says of the plugin."""
    lines = [json.loads(line) for line in process.lines if line.startswith("{")]
    return "\n".join(line["msg"] for line in lines if line.get("plugin") == "bad")


def test_observers_keep_no_payment_and_no_end(serve: Start) -> None:
    process = serve(misbehaving({**OBSERVERS, "shutdown": ()}, "hangs"))
    body = payment()
    assert call(process.port, "POST", "/verify", body)[1]["isValid"] is True
    assert call(process.port, "POST", "/settle", body)[1]["success"] is True

    def fault() -> str:
        document = call(process.port, "GET", "/health")[1]["dependencies"]
        return str(document.get("plugin bad", {}).get("error", ""))

    eventually(lambda: "hangs in" in fault())
    assert process.terminate() == 0
    assert "plugin bad hangs in shutdown" in said(process)


def test_a_gate_that_hangs_refuses_and_threads_that_are_left_keep_no_process(
    serve: Start,
) -> None:
    gate = misbehaving({"authenticate": ("request",)}, "hangs")
    leak = misbehaving({"request_started": ("request",)}, "leaks threads", daemon=False)
    process = serve(gate + leak, FACILITATOR_HOOKS__GATE_SECONDS="1")
    status, answer = call(process.port, "POST", "/verify", payment())
    assert status == 503
    assert "the check by plugin 'bad' failed" in str(answer)
    assert process.terminate() == 0
    assert "plugin bad hangs in authenticate" in said(process)
    assert "ending without the thread leaked of plugin bad" in said(process)


def test_a_start_that_exits_is_a_failed_one(serve: Start) -> None:
    process = serve(misbehaving({"startup": ("context",)}, "exits"))
    assert process.wait() == 1
    assert "plugin 'bad' failed in startup: SystemExit: 3" in process.lines[-1]


def test_check_names_the_plugin_that_keeps_it(tmp_path: Path) -> None:
    source = misbehaving({"startup": ("context",)}, "leaks threads", daemon=False)
    checked = subprocess.run(
        [sys.executable, "-m", "facilitator", "check"],
        cwd=tmp_path,
        env=environ(tmp_path, source),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1
    assert "✗ plugins: plugin bad keeps the process from ending by thread leaked" in checked.stdout
