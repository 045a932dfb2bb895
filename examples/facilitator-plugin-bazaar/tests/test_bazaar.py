"""The bazaar in a facilitator that runs."""

import sqlite3
from contextlib import closing

import pytest

from facilitator.testing.waiting import eventually

INFO = {"input": {"type": "http", "method": "GET", "queryParams": {"city": "Bern"}}}
URL = "https://shop.example/forecast"


def run(run_facilitator, tmp_path, **settings):
    own = {f"bazaar__{name}": value for name, value in settings.items()}
    return run_facilitator(
        plugins="devnet,memory,bazaar", bazaar__path=str(tmp_path / "bazaar.db"), **own
    )


def offered(body, url=URL, info=INFO, **resource):
    payload = {
        **body["paymentPayload"],
        "resource": {"url": url, "description": "A forecast", "mimeType": "text/html", **resource},
        "extensions": {"bazaar": {"info": info, "schema": {"type": "object"}}},
    }
    return {**body, "paymentPayload": payload}


def pay(running, body):
    """The extension's answer to the settled payment."""
    assert running.settle(body, Prefer="wait=0")["errorReason"] == "settlement_pending"
    running.next_block()
    running.next_block()
    answer = running.settle_until(body, lambda answer: bool(answer["success"]))
    return answer["extensions"]["bazaar"]


def resources(running, query=""):
    status, answer = running.call("GET", f"/discovery/resources{query}")
    assert status == 200, answer
    return answer


def listed(running):
    return [item["resource"] for item in resources(running)["items"]]


def test_a_resource_is_listed_once_it_is_paid_for(
    run_facilitator, make_payer, devnet_wallets, tmp_path
):
    running = run(run_facilitator, tmp_path)
    payer = make_payer(running)
    body = offered(payer.body(), serviceName="Weather", tags=["sky"], iconUrl="javascript:1")
    assert running.settle(body, Prefer="wait=0")["extensions"]["bazaar"] == {"status": "processing"}
    assert resources(running)["items"] == []
    assert pay(running, body) == {"status": "processing"}
    eventually(lambda: listed(running) == [URL])
    answer = resources(running)
    (item,) = answer["items"]
    assert answer["x402Version"] == 2
    assert answer["pagination"] == {"limit": 20, "offset": 0, "total": 1}
    assert (item["type"], item["x402Version"], item["description"]) == ("http", 2, "A forecast")
    assert (item["serviceName"], item["tags"], "iconUrl" in item) == ("Weather", ["sky"], False)
    assert item["extensions"]["bazaar"]["info"] == INFO
    assert item["accepts"][0]["payTo"] == devnet_wallets["merchant"].bech32
    for query in ("?type=http", "?scheme=exact", "?extensions=bazaar", "?network=cardano:preprod"):
        assert resources(running, query)["items"] == [item]
    for query in ("?type=mcp", "?scheme=upto", "?extensions=other", "?payTo=another"):
        assert resources(running, query)["items"] == []
    assert pay(running, offered(payer.body(), serviceName="Weather", tags=["sky"])) == {
        "status": "success"
    }


def test_a_payment_that_fails_lists_nothing(run_facilitator, make_payer, tmp_path):
    running = run(run_facilitator, tmp_path)
    payer = make_payer(running)
    for body in payer.bad_bodies().values():
        answer = running.settle(offered(body, url="https://failed.example/"))
        assert not answer["success"]
        assert "extensions" not in answer
    pay(running, offered(payer.body()))
    eventually(lambda: listed(running) == [URL])  # what was observed before is done by then


def test_a_payment_without_the_extension_has_no_answer(run_facilitator, make_payer, tmp_path):
    answer = make_payer(run(run_facilitator, tmp_path)).pay()
    assert answer["success"]
    assert "extensions" not in answer


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"url": "https://user:word@shop.example/"}, "invalid_resource_url"),
        ({"url": None}, "invalid_resource_url"),
        ({"url": "https://other.example/"}, "host_not_listed"),
        ({"info": "text"}, "invalid_info"),
        ({"info": {"input": {"type": "mcp"}}}, "unsupported_type"),
        ({"info": {"input": {"type": "http", "method": ["GET"]}}}, "invalid_info"),
        ({"info": {**INFO, "output": "a" * 8_192}}, "too_large"),
    ],
)
def test_what_is_not_fit_to_be_listed_is_rejected_and_paid(
    run_facilitator, make_payer, tmp_path, change, reason
):
    running = run(run_facilitator, tmp_path, hosts="shop.example")
    body = offered(make_payer(running).body(), **change)
    assert pay(running, body) == {"status": "rejected", "rejectedReason": reason}
    assert listed(running) == []


def test_a_full_catalogue_takes_no_more(run_facilitator, make_payer, tmp_path):
    running = run(run_facilitator, tmp_path, max_resources=1)
    payer = make_payer(running)
    pay(running, offered(payer.body()))
    eventually(lambda: listed(running) == [URL])
    full = {"status": "rejected", "rejectedReason": "catalogue_full"}
    assert pay(running, offered(payer.body(), url="https://late.example/")) == full
    assert listed(running) == [URL]


def test_pages_have_bounds(run_facilitator, tmp_path):
    running = run(run_facilitator, tmp_path)
    assert resources(running, "?limit=1000&offset=7")["pagination"] == {
        "limit": 100,
        "offset": 7,
        "total": 0,
    }
    for query in ("limit=0", "limit=x", "offset=-1", f"offset={2**70}"):
        assert running.call("GET", f"/discovery/resources?{query}")[0] == 400
    status, document = running.call("GET", "/openapi.json")
    assert (status, "/discovery/resources" in document["paths"]) == (200, True)


def test_a_broken_file_fails_no_payment(run_facilitator, make_payer, tmp_path):
    running = run(run_facilitator, tmp_path)
    with closing(sqlite3.connect(tmp_path / "bazaar.db")) as connection:
        connection.execute("DROP TABLE terms")
        connection.execute("DROP TABLE resources")
    unavailable = {"status": "rejected", "rejectedReason": "catalogue_unavailable"}
    assert pay(running, offered(make_payer(running).body())) == unavailable
    status, answer = running.call("GET", "/discovery/resources")
    assert (status, answer["error"]) == (503, "catalogue_unavailable")
