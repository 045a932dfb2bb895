"""Who may call ``/verify``, ``/settle`` and ``/cancel``."""

import json
import logging
from pathlib import Path
from typing import Any

import falcon
import pytest

from facilitator.roles.payment_hooks import Refusal
from facilitator.x402.messages import PaymentRequest, SettleResponse
from support.web import NETWORK, ScriptedService, payment, serving

KEYS: dict[str, Any] = {
    "auth__api_keys__shop": "s3cret-shop",
    "auth__api_keys__kiosk": "s3cret-kiosk",
}
GUARDED = ["/verify", "/settle", "/cancel"]


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer s3cret-shop"},
        {"Authorization": "bearer   s3cret-kiosk"},
        {"X-API-Key": "s3cret-kiosk"},
        {"Authorization": "Bearer wrong", "X-API-Key": "s3cret-shop"},
        {"Authorization": "Basic abc", "X-API-Key": "s3cret-shop"},
    ],
)
def test_a_key_lets_pass(tmp_path: Path, path: str, headers: dict[str, str]) -> None:
    with serving(tmp_path, **KEYS) as client:
        assert client.call("POST", path, payment(), **headers).status == 200


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer s3cret-sho"},
        {"Authorization": "Bearer s3cret-shopp"},
        {"Authorization": "Bearer shop"},
        {"Authorization": "Basic s3cret-shop"},
        {"Authorization": "s3cret-shop"},
        {"Authorization": "Bearer \xff"},
        {"X-API-Key": ""},
        {"X-API-Key": "S3CRET-SHOP"},
        {"X-API-Key": "s3cret-shop, s3cret-shop"},
    ],
)
def test_without_a_key_is_401(tmp_path: Path, path: str, headers: dict[str, str]) -> None:
    with serving(tmp_path, **KEYS) as client:
        answer = client.call("POST", path, b"not even read", **headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    reason = {"/verify": "invalidReason", "/settle": "errorReason", "/cancel": "error"}[path]
    assert answer.json[reason] == "unauthorized"
    assert not answer.json.get("isValid", answer.json.get("success"))


def test_looking_needs_no_key(tmp_path: Path) -> None:
    with serving(tmp_path, **KEYS) as client:
        for path in ("/", "/verify", "/settle", "/supported", "/health", "/status/" + "ab" * 32):
            assert client.call("GET", path).status == 200
        assert client.call("OPTIONS", "/verify").status == 200


def test_the_log_names_the_key_but_never_shows_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(tmp_path, **KEYS) as client:
        client.call("POST", "/verify", payment(), X_API_Key="s3cret-kiosk")
        client.call("POST", "/verify", payment(), X_API_Key="s3cret-wrong")
    shown = [vars(one) for one in caplog.records if one.getMessage() == "request completed"]
    assert [one.get("caller") for one in shown] == ["kiosk", None]
    assert "s3cret" not in json.dumps(shown, default=str)


def test_a_plugin_may_refuse(tmp_path: Path) -> None:
    def authenticate(request: falcon.Request) -> Refusal | None:
        if request.get_header("X-Badge") == "gold":
            return None
        return Refusal("Show your badge.", "no_badge")

    with serving(tmp_path, api={"authenticate": authenticate}) as client:
        refused = client.call("POST", "/settle", payment())
        admitted = client.call("POST", "/settle", payment(), X_Badge="gold")
    assert refused.status == 401
    assert refused.json["errorReason"] == "no_badge"
    assert refused.json["errorMessage"] == "Show your badge."
    assert admitted.status == 200


def test_a_plugin_that_fails_lets_no_caller_pass(tmp_path: Path) -> None:
    settled: list[PaymentRequest] = []

    def authenticate(_: falcon.Request) -> Refusal | None:
        raise OSError("directory is down")

    def settle(request: PaymentRequest, **_: Any) -> SettleResponse:
        settled.append(request)
        return SettleResponse(True, NETWORK)

    with serving(
        tmp_path, ScriptedService(on_settle=settle), api={"authenticate": authenticate}
    ) as client:
        assert client.call("POST", "/settle", payment()).status == 500
    assert settled == []
