"""What each endpoint answers when all is well."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from facilitator import __version__
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason
from support.web import NETWORK, TRANSACTION, Client, ScriptedService, payment, serving

READABLE = ["/", "/verify", "/settle", "/supported", "/health", "/health/live", "/health/ready"]
READABLE += ["/openapi.json"]


def test_a_verdict_is_200_whatever_it_says(tmp_path: Path) -> None:
    seen: list[PaymentRequest] = []

    def verify(request: PaymentRequest) -> VerifyResponse:
        seen.append(request)
        return VerifyResponse(False, "addr_test1", Reason.TTL_EXPIRED, "too late")

    with serving(tmp_path, ScriptedService(on_verify=verify)) as client:
        answer = client.call("POST", "/verify", payment())
    assert answer.status == 200
    assert answer.json == {
        "isValid": False,
        "payer": "addr_test1",
        "invalidReason": "invalid_exact_cardano_payload_ttl_expired",
        "invalidMessage": "too late",
    }
    assert seen[0].requirements.amount == "2000000"


def test_an_outcome_of_settling_is_200_whatever_it_says(tmp_path: Path) -> None:
    def settle(_: PaymentRequest, **__: Any) -> SettleResponse:
        return SettleResponse(
            False, NETWORK, TRANSACTION, reason=Reason.PENDING, extra={"status": "pending"}
        )

    with serving(tmp_path, ScriptedService(on_settle=settle)) as client:
        answer = client.call("POST", "/settle", payment())
    assert answer.status == 200
    assert answer.json == {
        "success": False,
        "transaction": TRANSACTION,
        "network": NETWORK,
        "errorReason": "settlement_pending",
        "extra": {"status": "pending"},
    }


def test_giving_up_is_200_whatever_it_says(tmp_path: Path) -> None:
    seen: list[PaymentRequest] = []
    outcomes: list[dict[str, Any]] = [
        {"cancelled": True, "transaction": TRANSACTION},
        {"cancelled": False, "transaction": TRANSACTION},
        {"cancelled": False, "errorReason": Reason.DECODE_FAILED, "errorMessage": "not CBOR"},
    ]

    def cancel(request: PaymentRequest) -> Mapping[str, Any]:
        seen.append(request)
        return outcomes[len(seen) - 1]

    with serving(tmp_path, ScriptedService(on_cancel=cancel)) as client:
        for outcome in outcomes:
            answer = client.call("POST", "/cancel", payment())
            assert (answer.status, answer.json) == (200, outcome)
    assert [request.requirements.amount for request in seen] == ["2000000"] * 3


def test_status_by_body_and_by_path(client: Client) -> None:
    expected = {"transaction": TRANSACTION, "status": "not_found", "settled": False}
    posted = client.call("POST", "/status", {"transaction": TRANSACTION.upper()})
    assert (posted.status, posted.json) == (200, expected)
    got = client.call("GET", f"/status/{TRANSACTION.upper()}")
    assert (got.status, got.json) == (200, expected)


def test_supported_is_what_the_service_says(client: Client) -> None:
    assert client.call("GET", "/supported").json == {"kinds": [], "extensions": [], "signers": {}}


@pytest.mark.parametrize("path", ["/verify", "/settle"])
def test_endpoints_describe_a_request_that_they_take(client: Client, path: str) -> None:
    description = client.call("GET", path).json
    example = description["request"]["body"]
    answer = client.call(description["method"], description["endpoint"], example)
    assert answer.status == 200
    for link in description["links"].values():
        assert client.call("GET", link.format(transaction=TRANSACTION)).status == 200


def test_the_index_lists_what_there_is(client: Client) -> None:
    index = client.call("GET", "/").json
    assert index["version"] == __version__
    for endpoint in index["endpoints"]:
        method, path = endpoint.format(transaction=TRANSACTION).split()
        assert client.call("OPTIONS", path).headers["allow"].count(method) == 1


@pytest.mark.parametrize("path", READABLE)
def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    head, get = client.call("HEAD", path), client.call("GET", path)
    assert head.status == get.status == 200
    assert head.body == b""
    assert head.headers["content-type"] == get.headers["content-type"] == "application/json"
    assert int(head.headers["content-length"]) > 0


def test_a_connection_is_usable_after_head(client: Client) -> None:
    request = b"HEAD /supported HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with client.connect() as connection:
        connection.sendall(request + request.replace(b"HEAD", b"GET"))
        received = b""
        while not received.endswith(b'"signers":{}}'):
            received += connection.recv(4096) or b"\r\n-- closed --"
            assert b"-- closed --" not in received
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(b'"signers"') == 1


@pytest.mark.parametrize("path", [path for path in READABLE if path != "/"])
def test_a_trailing_slash_is_tolerated(client: Client, path: str) -> None:
    assert client.call("GET", path + "/").status == 200


def test_a_posted_trailing_slash_is_tolerated(client: Client) -> None:
    assert client.call("POST", "/verify/", payment()).json["isValid"] is True
    assert client.call("POST", "/cancel/", payment()).json["cancelled"] is False


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x402+json"],
)
def test_json_by_any_of_its_names(client: Client, content_type: str) -> None:
    answer = client.call("POST", "/verify", payment(), Content_Type=content_type)
    assert answer.status == 200


def test_a_body_without_a_type_is_taken_for_json(client: Client) -> None:
    body = b'{"transaction": "' + TRANSACTION.encode() + b'"}'
    head = (
        f"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    )
    assert client.raw(head + body).status == 200


def test_plugins_bring_further_routes(tmp_path: Path) -> None:
    class Page:
        def on_get(self, req: Any, resp: Any) -> None:  # noqa: ARG002
            resp.content_type = "text/html"
            resp.text = "<p>tea"
            resp.set_header("Content-Security-Policy", "default-src 'self'")

    with serving(tmp_path, api={"routes": {"/tea": Page()}}) as client:
        answer = client.call("GET", "/tea")
    assert answer.body == b"<p>tea"
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"
