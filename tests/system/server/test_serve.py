"""``facilitator serve`` as an operator starts and stops it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facilitator.testing.http import call
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment
from support.process import ServeProcess

NETWORK = "cardano:preprod"


@pytest.fixture
def processes() -> Iterator[list[ServeProcess]]:
    started: list[ServeProcess] = []
    yield started
    for process in started:
        process.close()


def payment() -> dict[str, Any]:
    merchant = "addr_test1vqpum5zt6p64d67y9mujujndsqkf4knvupmnx76mw308n2ggwqajh"
    terms = requirements(NETWORK, merchant, 2_000_000)
    ref = genesis_output(NETWORK, "alice", 0, None)
    signed = payload(terms, sign_payment(terms, "alice", ref, 300), ref)
    return {"x402Version": 2, "paymentPayload": signed, "paymentRequirements": terms}


def test_it_serves_without_any_settings_and_stops_on_sigterm(
    tmp_path: Path, processes: list[ServeProcess]
) -> None:
    process = ServeProcess(tmp_path)
    processes.append(process)
    status, health = call(process.port, "GET", "/health")
    assert (status, health["status"]) == (200, "healthy")
    status, supported = call(process.port, "GET", "/supported")
    assert (status, supported["kinds"][0]["network"]) == (200, NETWORK)
    assert process.terminate() == 0
    assert all(json.loads(line)["msg"] for line in process.lines)


def test_options_say_where_it_listens_whatever_the_settings_say(
    tmp_path: Path, processes: list[ServeProcess]
) -> None:
    (tmp_path / "settings.toml").write_text('[default.server]\nhost = "127.0.0.1"\n')
    options = ("--host", "127.0.0.2", "--port", "0")
    process = ServeProcess(
        tmp_path, {"FACILITATOR_SERVER__PORT": "1"}, ("-m", "facilitator", "serve", *options)
    )
    processes.append(process)
    assert process.port > 1
    assert process.terminate() == 0
    assert any("http://127.0.0.2:" in line for line in process.lines)


def test_a_waiting_settlement_is_answered_when_the_server_stops(
    tmp_path: Path, processes: list[ServeProcess]
) -> None:
    """It stays open in the storage, and whoever starts next sees it through."""
    environ = {"FACILITATOR_DEVNET__PATH": "chain.db", "FACILITATOR_SETTLEMENT__LEASE_SECONDS": "1"}
    process = ServeProcess(tmp_path, {**environ, "FACILITATOR_DEVNET__BLOCK_SECONDS": "0"})
    processes.append(process)
    answers: list[Any] = []
    body, port = payment(), process.port
    caller = threading.Thread(target=lambda: answers.append(call(port, "POST", "/settle", body)))
    caller.start()
    while not any("settlement submitted" in line for line in process.lines):
        call(port, "GET", "/health/live")
    assert process.terminate() == 0
    caller.join()
    ((status, answer),) = answers
    assert (status, answer["errorReason"]) == (200, "settlement_pending")

    successor = ServeProcess(tmp_path, environ)
    processes.append(successor)
    _, settled = call(successor.port, "POST", "/settle", body, {"Prefer": "wait=60"})
    assert settled["success"] is True


def test_a_taken_port_ends_the_start_with_one_line(
    tmp_path: Path, processes: list[ServeProcess]
) -> None:
    first = ServeProcess(tmp_path)
    processes.append(first)
    second = ServeProcess(
        tmp_path,
        {
            "FACILITATOR_SERVER__PORT": str(first.port),
            "FACILITATOR_SQLITE__PATH": str(tmp_path / "second.db"),
        },
    )
    processes.append(second)
    assert second.wait() == 1
    assert "cannot listen on 127.0.0.1" in second.lines[-1]
    assert not any("Traceback" in line for line in second.lines)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"FACILITATOR_PLUGINS": "devnet"}, "no enabled plugin provides the storage"),
        ({"FACILITATOR_PLUGINS": "sqlite"}, "no enabled plugin provides the network"),
        ({"FACILITATOR_PLUGINS": "devnet,sqlite,memory"}, "both provide the storage"),
        ({"FACILITATOR_ENV": "production"}, "test double"),
        ({"FACILITATOR_SQLITE__PATH": "/nowhere/x.db"}, "/nowhere/x.db"),
    ],
)
def test_what_cannot_run_ends_with_exit_code_1_and_the_reason(
    tmp_path: Path, processes: list[ServeProcess], environ: dict[str, str], told: str
) -> None:
    process = ServeProcess(tmp_path, environ)
    processes.append(process)
    assert process.wait() == 1
    assert told in process.lines[-1]
    assert not any("Traceback" in line for line in process.lines)
