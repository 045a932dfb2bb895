"""What is counted of requests and payments, by a facilitator on the devnet, over HTTP."""

import threading
from collections.abc import Callable, Mapping

import pytest

from facilitator import __version__
from facilitator.roles.chain import InMempool
from facilitator.roles.claim import ClaimState
from facilitator.roles.metrics import NO_METER
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from support.exposition import Metrics, scrape
from support.web import Client

Run = Callable[..., Running]
PLUGINS = {"plugins": "devnet,memory,prometheus"}
SHOP = "203.0.113.7"


def metrics(running: Running) -> Metrics:
    return scrape(running.server.port)


def states(found: Metrics) -> Mapping[str, float]:
    return found.by("state", "facilitator_settlements_total", network=NETWORK)


def test_a_payment_from_verdict_to_confirmation(run: Run) -> None:
    running = run(**PLUGINS)
    body = Payer(running).body(confirmations=1)
    assert running.verify(body)["isValid"]
    assert running.settle(body, Prefer="wait=0")["errorReason"] == "settlement_pending"
    running.next_block()
    eventually(lambda: states(metrics(running)).get("included"))
    running.next_block()
    assert running.settle_until(body, lambda answer: bool(answer["success"]))
    assert not running.verify(body)["isValid"]

    found = metrics(running)
    assert states(found) == {"submitted": 1, "included": 1, "settled": 1}
    count = "facilitator_settlement_seconds_count"
    assert found.by("network", count) == {NETWORK: 1}
    assert found["facilitator_settlement_seconds_sum"] == 2  # each block is a second later
    assert found.by("reason", "facilitator_verdicts_total", valid="true") == {"none": 1}
    refused = found.by("reason", "facilitator_verdicts_total", valid="false")
    assert refused == {"duplicate_settlement": 1}
    assert found.value("facilitator_settle_answers_total", success="true", reason="none") == 1
    pending = found.value("facilitator_settle_answers_total", reason="settlement_pending")
    asked = found.value("facilitator_http_requests_total", route="/settle", status="200")
    assert pending == asked - 1
    assert found.value("facilitator_followed_blocks_total", network=NETWORK) == 2
    assert found.value("facilitator_output_lookups_total", source="provider") >= 1
    assert found.value("facilitator_build_info", version=__version__) == 1


def test_a_rollback(run: Run) -> None:
    running = run(**PLUGINS)
    body = Payer(running).body(confirmations=3)
    running.settle(body, Prefer="wait=0")
    running.next_block()
    eventually(lambda: states(metrics(running)).get("included"))
    running.devnet.rollback(1)
    running.next_block()
    eventually(lambda: metrics(running)["facilitator_rolled_back_blocks_total"])
    eventually(lambda: states(metrics(running))["included"] == 2)
    assert states(metrics(running)) == {"submitted": 2, "included": 2}
    assert set(states(metrics(running))) < set(ClaimState)


def test_who_waits_is_shown_while_waiting(run: Run) -> None:
    running = run(**PLUGINS, server__threads=8, settlement__max_waiting=2)
    payer = Payer(running)
    bodies = [payer.body(confirmations=0) for _ in range(2)]
    callers = [threading.Thread(target=running.settle, args=(body,)) for body in bodies]
    for caller in callers:
        caller.start()
    eventually(lambda: metrics(running)["facilitator_waiting_settles"] == 2)
    found = metrics(running)
    assert found["facilitator_waiting_settles_limit"] == 2
    assert found["facilitator_server_threads"] == 8
    assert found["facilitator_server_queued_requests"] == 0
    # And the one that answers this; the one before it may be on its way out yet.
    eventually(lambda: metrics(running)["facilitator_server_busy_threads"] == 3)
    eventually(lambda: metrics(running)["facilitator_server_connections"] == 3)
    ids = [transaction_id(body) for body in bodies]
    eventually(lambda: all(isinstance(running.devnet.transaction(each), InMempool) for each in ids))
    running.next_block()
    for caller in callers:
        caller.join()
    eventually(lambda: metrics(running)["facilitator_waiting_settles"] == 0)
    eventually(lambda: metrics(running)["facilitator_server_busy_threads"] == 1)


def test_requests_by_route_method_and_status(run: Run) -> None:
    client = Client(run(**PLUGINS).server.port)
    asked = [
        ("GET", "/", "GET", "/", 200),
        ("HEAD", "/health/live", "HEAD", "/health/live", 200),
        ("GET", f"/status/{'ab' * 32}", "GET", "/status/{transaction}", 200),
        ("GET", f"/status/{'cd' * 32}/", "GET", "/status/{transaction}", 200),
        ("GET", "/status/nothing", "GET", "/status/{transaction}", 400),
        ("POST", "/verify", "POST", "/verify", 400),
        ("DELETE", "/verify", "DELETE", "/verify", 405),
        ("GET", "/wp-admin.php", "GET", "none", 404),
        ("BREW", "/", "other", "/", 400),
    ]
    for method, path, *_, status in asked:
        assert client.call(method, path).status == status, path
    # Waitress refuses this by itself.
    assert client.raw(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: zip\r\n\r\n").status == 400
    found = scrape(client.port)
    for _, _, method, route, status in asked:
        labels = {"method": method, "route": route}
        same = sum(each[2:] == (method, route, status) for each in asked)
        shown = found.value("facilitator_http_requests_total", **labels, status=str(status))
        assert shown == same, (method, route)
        assert found.value("facilitator_http_request_seconds_count", **labels) >= same
    assert (
        found.value("facilitator_http_requests_total", method="GET", route="none", status="400")
        == 1
    )
    assert found.value("facilitator_http_requests_total") == len(asked) + 1


def test_requests_are_counted_by_the_name_of_their_key(run: Run) -> None:
    running = run(**PLUGINS, auth__api_keys__shop="s3cret-shop", auth__api_keys__kiosk="s3cret")
    for key in ("s3cret-shop", "s3cret-shop", "s3cret", "guessed"):
        running.call("POST", "/verify", {}, {"X-API-Key": key})
    running.call("GET", "/supported", None, {"X-API-Key": "s3cret"})  # needs none
    found = metrics(running).by("key", "facilitator_api_key_requests_total")
    assert found == {"shop": 2, "kiosk": 1}


def test_the_rate_limited_are_counted(run: Run) -> None:
    running = run(
        **PLUGINS,
        server__trusted_proxies="127.0.0.1",
        rate_limit__sensitive_per_minute=2,
        rate_limit__global_per_minute=3,
    )
    client = Client(running.server.port)
    for path in ("/status/x", "/status/x", "/status/x", "/supported", "/supported"):
        client.call("GET", path, X_Forwarded_For=SHOP)
    limited = metrics(running).by("endpoints", "facilitator_rate_limited_requests_total")
    assert limited == {"sensitive": 1, "others": 1}


def test_the_storage_is_timed(run: Run) -> None:
    running = run(**PLUGINS)
    assert running.verify(Payer(running).body())["isValid"]
    found = metrics(running)
    timed = found.by("operation", "facilitator_storage_seconds_count")
    assert (timed["claim"], timed["reserve"]) == (1, 1)
    assert found["facilitator_storage_failures_total"] == 0
    assert "facilitator_storage_failures_total" in found.names()


def test_without_a_meter_nothing_is_counted_or_shown(run: Run) -> None:
    running = run()
    assert running.facilitator.meter is NO_METER
    assert running.call("GET", "/metrics")[0] == 404


def test_faults_are_counted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    running = run(**PLUGINS)
    assert "facilitator_faults_total" in metrics(running).names()
    assert metrics(running)["facilitator_faults_total"] == 0

    def fail(_: str) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(running.facilitator.service, "status", fail)
    assert running.call("GET", f"/status/{'ab' * 32}")[0] == 500
    assert metrics(running)["facilitator_faults_total"] == 1
