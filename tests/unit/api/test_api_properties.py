"""Whatever is sent, the answer is JSON, complete, and no fault of ours."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.web import Answer, Client, payment, requirements

bounded = settings(max_examples=60)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
posted_paths = st.sampled_from(
    ["/verify", "/settle", "/cancel", "/status", "/verify/", "/settle/", "/cancel/"]
)
visible = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=40)
header_text = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60
)
HEADERS = [
    "Content-Type",
    "Content-Encoding",
    "X-Request-ID",
    "Prefer",
    "Idempotency-Key",
    "Authorization",
    "X-API-Key",
    "Origin",
    "X-Forwarded-For",
    "Forwarded",
    "Accept",
    "Cookie",
    "Range",
    "If-Match",
    "Host",
    "Date",
]


def check(answer: Answer, path: str) -> None:
    """It is what a caller can work with."""
    assert answer.status < 500
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    document = answer.json
    assert isinstance(document, dict)
    if answer.status >= 400:
        reasons = {"/verify": "invalidReason", "/settle": "errorReason"}
        assert document[reasons.get(path.rstrip("/"), "error")]


@bounded
@given(path=posted_paths, body=json_values)
def test_any_json(client: Client, path: str, body: Any) -> None:
    check(client.call("POST", path, json.dumps(body).encode()), path)


@bounded
@given(path=posted_paths, body=st.binary(max_size=200))
def test_any_bytes(client: Client, path: str, body: bytes) -> None:
    check(client.call("POST", path, body), path)


@bounded
@given(
    path=posted_paths,
    part=st.sampled_from(["body", "payload", "accepted", "requirements"]),
    name=st.sampled_from(
        [
            "x402Version",
            "accepted",
            "payload",
            "extensions",
            "paymentPayload",
            "paymentRequirements",
            *requirements(),
        ]
    ),
    value=json_values,
)
def test_any_value_in_any_place(
    client: Client, path: str, part: str, name: str, value: Any
) -> None:
    body = payment()
    parts = {
        "body": body,
        "payload": body["paymentPayload"],
        "accepted": body["paymentPayload"]["accepted"],
        "requirements": body["paymentRequirements"],
    }
    parts[part][name] = value
    check(client.call("POST", path, json.dumps(body).encode()), path)


@bounded
@given(path=posted_paths, name=st.sampled_from(HEADERS), value=header_text)
def test_any_header(client: Client, path: str, name: str, value: str) -> None:
    check(client.call("POST", path, payment(), **{name: value}), path)


@bounded
@given(
    path=st.lists(visible, max_size=3).map(lambda parts: "/" + "/".join(parts)),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"]),
)
@example(path="//settle", method="POST")
@example(path="//verify", method="GET")
def test_any_path(client: Client, path: str, method: str) -> None:
    answer = client.call(method, path)
    assert answer.status < 500
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(answer.json, dict)
