"""What is refused before the app is asked: over bare sockets, in JSON all the same."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.server import connection as http_connection
from support.web import NETWORK, TRANSACTION, Client, payment, read_answer, serving

LIMIT = 65536


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch, serving(folder) as client:
        patch.setattr(http_connection, "LINGER_SECONDS", 30)  # a busy machine reads slowly
        yield client


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def chunked(body: bytes, size: int) -> bytes:
    parts = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "reason"),
    [
        (b"GARBAGE\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "bad_request"),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400, "bad_request"),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 20 + b"\r\n\r\n",
            400,
            "bad_request",
        ),
        (b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "bad_request"),
        (b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (
            b"POST /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            b"POST /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            400,
            "bad_request",
        ),
        (b"POST /status HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_request"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"
            b"\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            b"POST /status HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            "bad_request",
        ),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40000 + b"\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431, "headers_too_large"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_http_is_refused_in_json(
    client: Client, request_bytes: bytes, status: int, reason: str
) -> None:
    answer = client.raw(request_bytes)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["connection"] == "close"
    assert answer.json["error"] == reason
    assert answer.json["requestId"] == answer.headers["x-request-id"]
    assert uuid.UUID(answer.json["requestId"])


def test_a_refusal_repeats_nothing_of_the_request(client: Client) -> None:
    answer = client.raw(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hunter\r2\r\n\r\n")
    assert answer.status == 400
    assert b"hunter" not in answer.body


@pytest.mark.parametrize("size", [3 * LIMIT, 300 * LIMIT])  # more than sockets buffer
def test_a_body_announced_too_large_is_413_and_the_client_sees_it(
    client: Client, size: int
) -> None:
    for path in ("/verify", "/settle", "/status"):
        head = post(path, f"Content-Length: {size}", "X-Request-ID: mine")
        with client.connect() as connection:
            connection.sendall(head + bytes(size))
            answer = read_answer(connection)
        assert answer.status == 413
        assert answer.headers["x-request-id"] == "mine"
        document = answer.json
        if path == "/settle":
            assert (document["network"], document["transaction"]) == (NETWORK, "")
        reason = document.get("invalidReason", document.get("errorReason", document.get("error")))
        assert reason == "invalid_payload"


def test_an_announced_body_is_refused_before_it_is_sent(client: Client) -> None:
    head = post("/verify", f"Content-Length: {3 * LIMIT}", "Expect: 100-continue")
    assert client.raw(head).status == 413


def test_a_body_is_asked_for_when_the_client_waits_for_it(client: Client) -> None:
    body = json.dumps({"transaction": TRANSACTION}).encode()
    head = post("/status", f"Content-Length: {len(body)}", "Expect: 100-continue")
    with client.connect() as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert read_answer(connection).status == 200


def test_a_request_without_a_body_need_not_wait_for_one(client: Client) -> None:
    assert client.raw(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n").status == 200


def test_a_refused_head_has_no_body(client: Client) -> None:
    request = b"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n"
    with client.connect() as connection:
        connection.sendall(request)
        received = b""
        while data := connection.recv(4096):
            received += data
    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("size", [1, 7, 4096, 100_000])
def test_a_chunked_body_is_a_body(client: Client, size: int) -> None:
    request = post("/verify", "Transfer-Encoding: chunked")
    answer = client.raw(request + chunked(json.dumps(payment()).encode(), size))
    assert (answer.status, answer.json["isValid"]) == (200, True)


@pytest.mark.parametrize(
    ("size", "status"), [(LIMIT, 400), (LIMIT + 1, 413), (3 * LIMIT, 413), (50 * LIMIT, 413)]
)
def test_a_chunked_body_has_the_same_limit(client: Client, size: int, status: int) -> None:
    request = post("/settle", "Transfer-Encoding: chunked") + chunked(b" " * size, 8192)
    answer = client.raw(request)
    assert (answer.status, answer.json["errorReason"]) == (status, "invalid_payload")
    assert answer.json["network"] == NETWORK


def test_pipelined_requests_are_answered_in_order(client: Client) -> None:
    ids = [f"request-{number}" for number in range(30)]
    requests = [f"GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: {one}\r\n\r\n" for one in ids]
    with client.connect() as connection:
        connection.sendall("".join(requests).encode())
        received = b""
        while received.count(b"X-Request-Id: ") + received.count(b"X-Request-ID: ") < 30:
            data = connection.recv(65536)
            assert data, "closed early"
            received += data
    lines = received.decode().splitlines()
    seen = [line.split(": ")[1] for line in lines if line.lower().startswith("x-request-id")]
    assert seen == ids


def test_a_request_may_come_byte_by_byte(client: Client) -> None:
    body = json.dumps({"transaction": TRANSACTION}).encode()
    request = post("/status", f"Content-Length: {len(body)}", body=body)
    with client.connect() as connection:
        for byte in request:
            connection.sendall(bytes([byte]))
        assert read_answer(connection).status == 200


LIVE = b"GET /health/live "


@pytest.mark.parametrize(
    "request_bytes",
    [
        LIVE + b"HTTP/1.1\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: a\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost:\r\nHost:\r\n\r\n",
        LIVE + b"HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: a b\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: http://a\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: b@a\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: a:b\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: ::1\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHost: \xe9\r\n\r\n",
        LIVE + b"HTTP/1.1\r\nHo_st: a\r\n\r\n",
        b"GET http://a/health/live HTTP/1.1\r\n\r\n",
        b"GET http://b@a/health/live HTTP/1.1\r\nHost: a\r\n\r\n",
        *(
            LIVE + version + b"\r\nHost: x\r\n\r\n"
            for version in (b"HTTP/9.9", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"HTTP/1", b"")
        ),
    ],
)
def test_a_request_without_one_valid_host_or_version_is_400(
    client: Client, request_bytes: bytes
) -> None:
    answer = client.raw(request_bytes)
    assert (answer.status, answer.json["error"]) == (400, "bad_request")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "host", ["x", "", "x:3000", "x:", "127.0.0.1:80", "[::1]", "[::1]:3000", "a_b.example", "xn--a"]
)
def test_any_valid_host_will_do(client: Client, host: str) -> None:
    assert client.raw(LIVE + f"HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 200


def test_http_1_0_is_answered(client: Client) -> None:
    answer = client.raw(b"GET /health/live HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


@settings(max_examples=80)
@given(
    st.builds(
        lambda method, target, version, headers, body: (
            b"%s %s %s\r\n%s\r\n\r\n%s" % (method, target, version, b"\r\n".join(headers), body)
        ),
        st.sampled_from([b"GET", b"POST", b"PUT", b"OPTIONS", b"X-Y", b"G\x00T"]),
        st.binary(max_size=30).map(lambda path: b"/" + path.replace(b"\r\n\r\n", b"")),
        st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"SMTP", b""]),
        st.lists(
            st.sampled_from(
                [
                    b"Host: x",
                    b"Host: \xff",
                    b"Content-Type: application/json",
                    b"Transfer-Encoding: chunked",
                    b"Transfer-Encoding: chunked, chunked",
                    b"Content-Length: 3",
                    b"Content-Length: 99999999999999999999",
                    b"X_Under: score",
                    b": nameless",
                    b"Expect: 100-continue",
                    b"Upgrade: websocket",
                    b"Connection: upgrade",
                ]
            ),
            max_size=4,
        ),
        st.binary(min_size=8, max_size=20),
    )
)
def test_whatever_arrives_is_answered_in_json_or_not_at_all(client: Client, data: bytes) -> None:
    with client.connect() as connection:
        connection.sendall(data + b"\r\n\r\n")
        connection.settimeout(0.3)
        received = b""
        try:
            while b"\r\n\r\n" not in received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""):
                part = connection.recv(65536)
                if not part:
                    break
                received += part
        except (TimeoutError, ConnectionResetError):
            pass
    received = received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    if received:
        head = received.partition(b"\r\n\r\n")[0].lower()
        status = int(head.split()[1])
        assert status < 500
        assert b"content-type: application/json" in head
