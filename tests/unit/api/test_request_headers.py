"""The headers that mean something: in, out, and for browsers."""

import random
import uuid
from pathlib import Path
from typing import Any

import pytest

from facilitator.x402.messages import PaymentRequest, SettleResponse
from support.web import NETWORK, Client, ScriptedService, payment, serving


class Settles(ScriptedService):
    """Remembers how it was asked to settle."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []

    def settle(self, request: PaymentRequest, **context: Any) -> SettleResponse:  # noqa: ARG002
        self.asked.append(context)
        return SettleResponse(True, NETWORK)


def test_a_request_id_is_returned(client: Client) -> None:
    for given in ("a", "A-z.0_9", "x" * 128):
        assert client.call("GET", "/", X_Request_ID=given).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", " ", "x" * 129, "a b", "a/b", "é", "a,b", "{}"])
def test_an_unfit_request_id_is_replaced(client: Client, given: str) -> None:
    answer = client.call("GET", "/", X_Request_ID=given)
    assert uuid.UUID(answer.headers["x-request-id"]).version == 4


def test_every_request_without_an_id_gets_its_own(client: Client) -> None:
    """Though a plugin seeds ``random``, such as to sample the same each time."""

    def new_id() -> str:
        random.seed(7)
        return client.call("GET", "/").headers["x-request-id"]

    state = random.getstate()
    try:
        assert len({new_id() for _ in range(3)}) == 3
    finally:
        random.setstate(state)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=10", 10),
        ("wait=0", 0),
        ("WAIT = 10", 10),
        ('wait="10"', 10),
        ("respond-async, wait=10", 10),
        ("wait=10; x=y, respond-async", 10),
        ("wait=10, wait=20", 10),
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait", None),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1e9", None),
        ("wait=1.5", None),
        ("wait=nan", None),
        ("wait=٣", None),
        ("wait=" + "9" * 400, None),
        ("waiting=10", None),
        ("x=wait=10", None),
    ],
)
def test_prefer_wait(tmp_path: Path, prefer: str | None, seconds: float | None) -> None:
    service = Settles()
    headers = {} if prefer is None else {"Prefer": prefer.encode().decode("latin-1")}
    with serving(tmp_path, service) as client:
        assert client.call("POST", "/settle", payment(), **headers).status == 200
    assert service.asked[0]["wait_seconds"] == seconds


@pytest.mark.parametrize("key", ["k", "x" * 255, "!~", '"quoted"', None])
def test_an_idempotency_key_reaches_the_service(tmp_path: Path, key: str | None) -> None:
    service = Settles()
    headers = {} if key is None else {"Idempotency-Key": key}
    with serving(tmp_path, service) as client:
        assert client.call("POST", "/settle", payment(), **headers).status == 200
    assert service.asked[0]["idempotency_key"] == key


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "é"])
def test_a_malformed_idempotency_key_is_400(tmp_path: Path, key: str) -> None:
    service = Settles()
    with serving(tmp_path, service) as client:
        answer = client.call("POST", "/settle", payment(), Idempotency_Key=key)
    assert answer.status == 400
    assert answer.json["errorReason"] == "invalid_payload"
    assert service.asked == []


def test_browsers_may_call_from_no_origin_by_default(client: Client) -> None:
    answer = client.call("GET", "/supported", Origin="https://shop.example")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("setting", "origin", "allowed"),
    [
        ("https://shop.example", "https://shop.example", "https://shop.example"),
        ("https://shop.example", "https://evil.example", None),
        ("*", "https://any.example", "*"),
    ],
)
def test_browsers_may_call_from_the_origins_set(
    tmp_path: Path, setting: str, origin: str, allowed: str | None
) -> None:
    with serving(tmp_path, server__cors_origins=setting) as client:
        plain = client.call("POST", "/verify", payment(), Origin=origin)
        refused = client.call("POST", "/verify", b"{", Origin=origin)
        preflights = [
            client.call(
                "OPTIONS",
                path,
                Origin=origin,
                Access_Control_Request_Method="POST",
                Access_Control_Request_Headers="content-type,x-api-key",
            )
            for path in ("/verify", "/settle", "/cancel", "/status")
        ]
    for answer in (plain, refused, *preflights):
        assert answer.headers.get("access-control-allow-origin") == allowed
    for preflight in preflights:
        methods = preflight.headers.get("access-control-allow-methods", "")
        headers = preflight.headers.get("access-control-allow-headers", "")
        assert ("POST" in methods) is ("x-api-key" in headers) is bool(allowed)


@pytest.mark.parametrize(
    ("setting", "varies"), [("https://shop.example", True), ("*", False), ("", False)]
)
def test_a_cache_keeps_the_answers_of_origins_apart(
    tmp_path: Path, setting: str, varies: bool
) -> None:
    with serving(tmp_path, server__cors_origins=setting) as client:
        answers = [
            client.call("GET", "/openapi.json"),
            client.call("GET", "/openapi.json", Origin="https://shop.example"),
            client.call("POST", "/verify", b"{"),
        ]
    for answer in answers:
        assert ("Origin" in answer.headers.get("vary", "")) is varies


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [("https://shop.example", "https://shop.example"), ("*", "*"), ("https://b.example", None)],
)
@pytest.mark.parametrize("status", [400, 413, 431])
def test_the_servers_own_answers_may_be_read_by_the_same_origins(
    tmp_path: Path, setting: str, allowed: str | None, status: int
) -> None:
    head = b"POST /verify HTTP/1.1\r\nHost: x\r\nOrigin: https://shop.example\r\n"
    rest = {
        400: b"Content-Length: x\r\n\r\n",
        413: b"Content-Length: 900000\r\n\r\n",
        431: b"A: " + b"a" * 40_000 + b"\r\n\r\n",
    }
    with serving(tmp_path, server__cors_origins=setting) as client:
        answer = client.raw(head + rest[status])
    assert answer.status == status
    assert answer.headers.get("access-control-allow-origin") == allowed


class Whoami:
    """Tells what the app knows of the client."""

    def on_get(self, req: Any, resp: Any) -> None:
        resp.text = " ".join([req.remote_addr, *req.access_route, req.forwarded_host])


@pytest.mark.parametrize(
    ("trusted", "forwarded_for", "client_address"),
    [
        ("", "6.6.6.6", "127.0.0.1"),
        ("10.0.0.1", "6.6.6.6", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6", "6.6.6.6"),
        ("127.0.0.1", "6.6.6.6, 7.7.7.7", "7.7.7.7"),
        ("127.0.0.1,7.7.7.7", "6.6.6.6, 7.7.7.7", "6.6.6.6"),
        ("127.0.0.1,7.7.7.7", "7.7.7.7", "7.7.7.7"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", " , ", "127.0.0.1"),
    ],
)
def test_the_client_behind_trusted_proxies(
    tmp_path: Path, trusted: str, forwarded_for: str, client_address: str
) -> None:
    api = {"routes": {"/whoami": Whoami()}}
    with serving(tmp_path, api=api, server__trusted_proxies=trusted) as client:
        answer = client.call("GET", "/whoami", X_Forwarded_For=forwarded_for)
    assert answer.body.decode().split()[0] == client_address


def test_no_other_peer_can_forward(tmp_path: Path) -> None:
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "Forwarded": "for=6.6.6.6"}
    with serving(tmp_path, api={"routes": {"/whoami": Whoami()}}) as client:
        answer = client.call("GET", "/whoami", **forged)
    assert b"6.6.6.6" not in answer.body
    assert b"evil" not in answer.body
