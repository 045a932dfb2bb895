"""What becomes of failures and requests in a facilitator that reports to Sentry."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.storage import StorageUnavailable
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NOW, Running
from facilitator_sentry.repeats import PER_KIND, SECONDS
from support.sentry_endpoint import KEY, SentryEndpoint

Start = Callable[..., Running]


def fail_with(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("method", "role", "call", "error"),
    [
        ("POST", "storage", "add_claim", StorageUnavailable("the disk is full")),
        ("GET", "chain", "transaction", ChainUnavailable("nobody answers")),
    ],
)
def test_503_is_reported_as_a_warning(
    reporting: Start, sentry: SentryEndpoint, monkeypatch: pytest.MonkeyPatch,
    method: str, role: str, call: str, error: Exception,
) -> None:  # fmt: skip
    running = reporting()
    body = Payer(running).body()
    part = running.facilitator.storage if role == "storage" else running.devnet
    monkeypatch.setattr(part, call, fail_with(error))
    path = "/settle" if method == "POST" else f"/status/{'ab' * 32}"
    sent = body if method == "POST" else None
    status, _ = running.call(method, path, sent, {"X-Request-ID": "mine"})
    assert status == 503
    event = sentry.event(request_id="mine")
    assert (event["level"], event["tags"]["http.status_code"]) == ("warning", "503")
    url = f"{running.url}/settle" if method == "POST" else f"{running.url}/status/[left out]"
    assert event["request"] == {"method": method, "url": url}
    cause, told = event["exception"]["values"]
    assert (cause["type"], cause["value"]) == (type(error).__name__, str(error))
    assert (told["type"], str(error) in told["value"]) == ("ServiceUnavailable", True)
    trace = sentry.transaction(f"{method} {'/settle' if sent else '/status/{transaction}'}")
    assert trace["contexts"]["trace"]["trace_id"] == event["contexts"]["trace"]["trace_id"]
    assert "ab" * 32 not in sentry.text()


def test_503_that_no_exception_is_behind_is_reported(
    reporting: Start, sentry: SentryEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = reporting()
    monkeypatch.setattr(running.devnet, "tip", fail_with(ChainUnavailable("nobody answers")))
    assert running.call("GET", "/health/ready", headers={"X-Request-ID": "mine"})[0] == 503
    event = sentry.event(request_id="mine")
    assert event["exception"]["values"][0]["value"] == "GET /health/ready answers 503"


def test_a_failure_that_repeats_is_reported_a_few_times_a_minute(
    reporting: Start, sentry: SentryEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(NOW)
    running = reporting(clock=clock)
    monkeypatch.setattr(running.facilitator.service, "status", fail_with(RuntimeError("a bug")))

    def fail(number: int) -> None:
        headers = {"X-Request-ID": f"number-{number}"}
        assert running.call("GET", f"/status/{number:064x}", headers=headers)[0] == 500

    for number in range(PER_KIND + 5):
        fail(number)
    monkeypatch.setattr(running.devnet, "tip", fail_with(ChainUnavailable("nobody answers")))
    running.call("GET", "/health/ready", headers={"X-Request-ID": "another"})
    sentry.event(request_id="another")
    assert len(sentry.events) == PER_KIND + 1
    clock.advance(SECONDS)
    fail(99)
    assert sentry.event(request_id="number-99")["tags"]["unsent_repeats"] == "5"


BROKEN = """
from facilitator import hookimpl

@hookimpl
def after_verify():
    raise RuntimeError("a bug")
"""


def test_a_plugins_error_says_which_plugin(
    reporting: Start, sentry: SentryEndpoint, tmp_path: Path
) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(BROKEN)
    running = reporting(plugins=f"devnet,memory,sentry,{plugin}")
    assert running.verify(Payer(running).body())["isValid"] is True
    event = sentry.event(plugin="broken", hook="after_verify")
    assert event["exception"]["values"][0]["value"] == "a bug"


def test_traces_name_the_route_and_hold_nothing_that_was_sent(
    reporting: Start, sentry: SentryEndpoint
) -> None:
    running = reporting(settlement__wait_seconds=0, auth__api_keys__shop="key-of-the-shop")
    body = Payer(running).body()
    headers = {"Authorization": "Bearer key-of-the-shop", "X-Request-ID": "mine"}
    running.call("POST", "/verify?hello=there", body, headers)
    running.call("POST", "/settle", body, headers)
    running.call("GET", f"/status/{transaction_id(body)}", headers=headers)
    running.call("GET", "/no/such/thing")
    running.call("GET", "/health")
    for name in ("POST /verify", "POST /settle", "GET /status/{transaction}", "GET (no route)"):
        trace = sentry.transaction(name)
        assert trace["transaction_info"] == {"source": "route"}
        told = trace["contexts"]["trace"]
        assert told["op"] == "http.server"
        status = 404 if "no route" in name else 200
        assert told["data"]["http.response.status_code"] == status
    assert sentry.transaction("POST /verify")["tags"]["request_id"] == "mine"
    assert len(sentry.transactions) == 4  # /health is none of them
    sampling = json.loads(sentry.received[0].partition(b"\n")[0])["trace"]
    assert (sampling["public_key"], sampling["sample_rate"]) == (KEY, "1.0")
    assert sampling["trace_id"] == sentry.transactions[0]["contexts"]["trace"]["trace_id"]
    sent = body["paymentPayload"]["payload"]
    for secret in ("key-of-the-shop", "hello", sent["transaction"], sent["nonce"][:64]):
        assert secret not in sentry.text()


@pytest.mark.parametrize("rate", ["0", "0.5"])
def test_as_many_traces_as_the_rate_says(
    reporting: Start, sentry: SentryEndpoint, monkeypatch: pytest.MonkeyPatch, rate: str
) -> None:
    running = reporting(sentry__traces_sample_rate=rate)
    for _ in range(100):
        assert running.call("GET", "/supported")[0] == 200
    monkeypatch.setattr(running.devnet, "tip", fail_with(ChainUnavailable("nobody answers")))
    running.call("GET", "/health/ready", headers={"X-Request-ID": "last"})
    sentry.event(request_id="last")
    # Of 100 tosses of a coin fewer than 10 or more than 90 are one side once in 10^16 times.
    assert len(sentry.transactions) == 0 if rate == "0" else 10 < len(sentry.transactions) < 90


def test_a_callers_trace_decides_nothing(reporting: Start, sentry: SentryEndpoint) -> None:
    running = reporting()
    forged = {"sentry-trace": f"{'ab' * 16}-{'cd' * 8}-0", "baggage": "sentry-sample_rate=0"}
    running.call("GET", "/supported", headers=forged)
    assert sentry.transaction("GET /supported")["contexts"]["trace"]["trace_id"] != "ab" * 16
