"""What a request that cannot be used is told: JSON, a stable reason, a sentence, never a trace."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import falcon
import pytest

from facilitator.api import IdempotencyConflict, ServiceUnavailable, application
from facilitator.errors import PluginError
from facilitator.x402.reasons import Reason
from support.web import (
    NETWORK,
    Answer,
    Client,
    ScriptedService,
    payment,
    requirements,
    serving,
    settings,
)

VERIFY, SETTLE, CANCEL, STATUS = "/verify", "/settle", "/cancel", "/status"
PAYMENTS = [VERIFY, SETTLE, CANCEL]
POSTED = [*PAYMENTS, STATUS]


def reason_of(answer: Answer, path: str, *, network: str = NETWORK) -> str:
    """The reason, after a check that the body has the path's shape and a sentence."""
    body = answer.json
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    if path == VERIFY:
        assert body["isValid"] is False
        reason, message = body["invalidReason"], body["invalidMessage"]
    elif path == SETTLE:
        assert body["success"] is False
        assert body["transaction"] == ""
        assert body["network"] == network
        reason, message = body["errorReason"], body["errorMessage"]
    else:
        assert body["requestId"] == answer.headers["x-request-id"]
        reason, message = body["error"], body["message"]
    assert "Traceback" not in message
    assert len(message) > 10
    return str(reason)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'"text"',
        b"1",
        b"null",
        b"NaN",
        b'{"a": NaN}',
        b"[" * 60000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
    ],
    ids=lambda body: f"{body[:12]!r}{len(body)}",
)
def test_a_body_that_is_no_json_object_is_400(client: Client, path: str, body: bytes) -> None:
    answer = client.call("POST", path, body)
    assert (answer.status, reason_of(answer, path)) == (400, "invalid_payload")


def test_json_that_can_be_read_but_not_written_is_400(client: Client) -> None:
    deep: Any = {}
    for _ in range(500):
        deep = {"a": deep}
    for path in PAYMENTS:
        answer = client.call("POST", path, payment(paymentRequirements=requirements(extra=deep)))
        assert (answer.status, reason_of(answer, path)) == (400, "invalid_payload")


@pytest.mark.parametrize("path", PAYMENTS)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x402Version": 1}, "invalid_x402_version"),
        ({"x402Version": "2"}, "invalid_x402_version"),
        ({"paymentPayload": None}, "invalid_payload"),
        ({"paymentPayload": []}, "invalid_payload"),
        ({"paymentRequirements": requirements(amount=2000000)}, "invalid_payment_requirements"),
        ({"paymentRequirements": requirements(extra=[])}, "invalid_payment_requirements"),
        (
            {"paymentRequirements": requirements(maxTimeoutSeconds=True)},
            "invalid_payment_requirements",
        ),
    ],
)
def test_a_body_of_wrong_types_is_400(
    client: Client, path: str, change: Mapping[str, Any], reason: str
) -> None:
    answer = client.call("POST", path, payment(**change))
    assert (answer.status, reason_of(answer, path)) == (400, reason)


@pytest.mark.parametrize("path", PAYMENTS)
def test_an_echo_of_another_type_is_400_though_it_is_equal(client: Client, path: str) -> None:
    body = payment(paymentRequirements=requirements(maxTimeoutSeconds=1))
    body["paymentPayload"]["accepted"] = requirements(maxTimeoutSeconds=True)
    answer = client.call("POST", path, body)
    assert (answer.status, reason_of(answer, path)) == (400, "invalid_payload")


@pytest.mark.parametrize("path", POSTED)
def test_another_media_type_is_415(client: Client, path: str) -> None:
    for content_type in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        answer = client.call("POST", path, b"{}", Content_Type=content_type)
        assert (answer.status, reason_of(answer, path)) == (415, "invalid_payload")
        assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize("path", POSTED)
def test_an_encoded_body_is_415(client: Client, path: str) -> None:
    answer = client.call("POST", path, b"\x1f\x8b", Content_Encoding="gzip")
    assert (answer.status, reason_of(answer, path)) == (415, "invalid_payload")


@pytest.mark.parametrize("path", POSTED)
def test_a_body_of_just_too_many_bytes_is_413(client: Client, path: str) -> None:
    for size, status in ((65536, 400), (65537, 413)):
        answer = client.call("POST", path, b" " * size)
        assert (answer.status, reason_of(answer, path)) == (status, "invalid_payload")


@pytest.mark.parametrize(
    ("network", "told"), [("x:y", "x:y"), ("", NETWORK), (7, NETWORK), (None, NETWORK)]
)
def test_a_refused_settle_names_the_network_asked_for(
    client: Client, network: object, told: str
) -> None:
    answer = client.call("POST", SETTLE, {"paymentRequirements": {"network": network}})
    assert answer.status == 400
    assert reason_of(answer, SETTLE, network=told) == "invalid_x402_version"


@pytest.mark.parametrize("transaction", [None, 7, "", "ab", "zz" * 32, "ab" * 33, "ab" * 32 + "\n"])
def test_a_malformed_transaction_id_is_400(client: Client, transaction: object) -> None:
    answer = client.call("POST", STATUS, {"transaction": transaction})
    assert (answer.status, reason_of(answer, STATUS)) == (400, "invalid_transaction_id")


def test_a_malformed_transaction_id_in_the_path_is_400(client: Client) -> None:
    for path in ("/status/ab", "/status/%00", "/status/" + "g" * 64):
        answer = client.call("GET", path)
        assert (answer.status, reason_of(answer, path)) == (400, "invalid_transaction_id")


@pytest.mark.parametrize("path", ["/nothing", "/verify/more", "/status/a/b", "//verify/x", "/%ff"])
def test_an_unknown_path_is_404(client: Client, path: str) -> None:
    answer = client.call("GET", path)
    assert (answer.status, reason_of(answer, path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (VERIFY, {"GET", "POST", "OPTIONS"}),
        (SETTLE, {"GET", "POST", "OPTIONS"}),
        (CANCEL, {"POST", "OPTIONS"}),
        (STATUS, {"POST", "OPTIONS"}),
        ("/supported", {"GET", "OPTIONS"}),
        ("/health/live", {"GET", "OPTIONS"}),
    ],
)
def test_a_wrong_method_is_405(client: Client, path: str, allowed: set[str]) -> None:
    refused = {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"} - allowed
    for method in refused:
        answer = client.call(method, path)
        assert (answer.status, reason_of(answer, path)) == (405, "method_not_allowed")
        assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("method", ["BREW", "WEBSOCKET", "A-B"])
def test_an_unknown_method_is_400(client: Client, method: str) -> None:
    for path in POSTED:
        answer = client.call(method, path)
        assert answer.status == 400
        assert reason_of(answer, path) == "bad_request"


class Secretive(Exception):
    """An error whose text must not reach a caller."""


def _fail(*_: object, **__: object) -> Any:
    raise Secretive("redis://:hunter2@db")


@pytest.mark.parametrize("path", POSTED)
def test_a_fault_is_500_logged_and_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    reports: list[tuple[BaseException, Mapping[str, str]]] = []
    service = ScriptedService(_fail, _fail, _fail, _fail)
    body = {"transaction": "ab" * 32, **payment()}
    api = {"on_failure": lambda error, context: reports.append((error, context))}
    with serving(tmp_path, service, api=api) as client:
        answer = client.call("POST", f"{path}?key=1", body, X_Request_ID="mine-1")
    assert (answer.status, reason_of(answer, path)) == (500, "internal_error")
    assert b"mine-1" in answer.body
    assert b"hunter2" not in answer.body
    [(error, context)] = reports
    assert isinstance(error, Secretive)
    url = f"http://127.0.0.1:{client.port}{path}"
    where = {"requestId": "mine-1", "method": "POST", "url": url, "path": path}
    assert context == {**where, "status": "500"}
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info
    assert record.exc_info[1] is error
    assert "AAAA" not in caplog.text


def test_a_reporter_that_fails_changes_nothing(tmp_path: Path) -> None:
    service = ScriptedService(on_verify=_fail)
    with serving(tmp_path, service, api={"on_failure": _fail}) as client:
        answer = client.call("POST", VERIFY, payment())
    assert (answer.status, reason_of(answer, VERIFY)) == (500, "internal_error")


@pytest.mark.parametrize("path", POSTED)
def test_an_unavailable_service_is_503(tmp_path: Path, path: str) -> None:
    def unavailable(*_: object, **__: object) -> Any:
        raise ServiceUnavailable(Reason.EVIDENCE_UNAVAILABLE, "The storage is down.", 7)

    reports: list[tuple[str, Mapping[str, str]]] = []
    service = ScriptedService(unavailable, unavailable, unavailable, unavailable)
    api = {"on_failure": lambda error, context: reports.append((str(error), context))}
    with serving(tmp_path, service, api=api) as client:
        answer = client.call("POST", path, {"transaction": "ab" * 32, **payment()})
    assert (answer.status, reason_of(answer, path)) == (503, Reason.EVIDENCE_UNAVAILABLE)
    assert answer.headers["retry-after"] == "7"
    [(error, context)] = reports
    assert (error, context["path"], context["status"]) == ("The storage is down.", path, "503")


def test_a_503_without_an_exception_is_reported_and_no_other_answer_is(tmp_path: Path) -> None:
    reports: list[tuple[str, str]] = []
    service = ScriptedService(checks={"storage": _fail})
    api = {"on_failure": lambda error, context: reports.append((str(error), context["url"]))}
    with serving(tmp_path, service, api=api) as client:
        for path in ("/health/live", "/nothing", "/verify", "/health/ready"):
            client.call("GET", path)
    url = f"http://127.0.0.1:{client.port}/health/ready"
    assert reports == [("GET /health/ready answers 503", url)]


def test_a_reused_idempotency_key_is_409(tmp_path: Path) -> None:
    def conflict(*_: object, **__: object) -> Any:
        raise IdempotencyConflict

    with serving(tmp_path, ScriptedService(on_settle=conflict)) as client:
        answer = client.call("POST", SETTLE, payment(), Idempotency_Key="key")
    assert (answer.status, reason_of(answer, SETTLE)) == (409, "idempotency_conflict")


def test_what_a_plugins_route_refuses_has_the_same_shape(tmp_path: Path) -> None:
    class Teapot:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
            raise falcon.HTTPServiceUnavailable(description="still brewing", retry_after=3)

    with serving(tmp_path, api={"routes": {"/tea": Teapot()}}) as client:
        answer = client.call("GET", "/tea", Accept="application/xml")
    assert (answer.status, reason_of(answer, "/tea")) == (503, "service_unavailable")
    assert answer.json["message"] == "still brewing"
    assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize(
    ("error", "status", "reason", "message"),
    [
        (falcon.HTTPNotFound(), 404, "not_found", "There is nothing here; GET / lists what there"),
        (falcon.HTTPNotFound(title="No such tea"), 404, "no_such_tea", "No such tea"),
        (falcon.HTTPNotFound(description="no tea is left"), 404, "not_found", "no tea is left"),
        (
            falcon.HTTPNotFound(title="No tea", description="drink water"),
            404,
            "no_tea",
            "drink wat",
        ),
        (falcon.HTTPNotFound(title="Нет чая"), 404, "not_found", "Нет чая"),
        (falcon.HTTPMethodNotAllowed(["GET"]), 405, "method_not_allowed", "This path takes GET on"),
        (falcon.HTTPMethodNotAllowed(["GET"], title="Only drink"), 405, "only_drink", "Only drink"),
        (falcon.HTTPGone(title="\U0001f375"), 410, "gone", "\U0001f375"),
        (falcon.HTTPError(404, title="Empty pot"), 404, "empty_pot", "Empty pot"),
        (falcon.HTTPError(418), 418, "i_m_a_teapot", "I'm a teapot"),
    ],
)
def test_the_words_of_a_plugins_route_are_kept(
    tmp_path: Path, error: falcon.HTTPError, status: int, reason: str, message: str
) -> None:
    class Teapot:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
            raise error

    with serving(tmp_path, api={"routes": {"/tea": Teapot()}}) as client:
        answer = client.call("GET", "/tea")
    assert (answer.status, answer.json["error"]) == (status, reason)
    assert answer.json["message"].startswith(message)
    assert answer.headers.get("allow") == ("GET" if status == 405 else None)


@pytest.mark.parametrize("path", ["/settle", "/status/{transaction}", "/docs", "no-slash"])
def test_a_plugin_cannot_take_a_route_of_the_core(tmp_path: Path, path: str) -> None:
    service, loaded = ScriptedService(), settings(tmp_path)
    with pytest.raises(PluginError, match=path.partition("{")[0]):
        application(service, settings=loaded, routes={path: object()})
