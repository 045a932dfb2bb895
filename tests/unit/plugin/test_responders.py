"""Plugins that add to answers: to ``extensions`` and to the header, never to the outcome."""

import base64
import copy
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import httpx
import pytest

from facilitator.plugin import observers
from facilitator.plugin.manager import Plugins
from facilitator.testing.payments import Payer
from facilitator.testing.running import NETWORK, Running
from facilitator.testing.waiting import eventually
from facilitator.x402.messages import SettleResponse, VerifyResponse
from support.misbehaving import FAILS, SHORT, WAYS, misbehaving
from support.payment_views import PAYMENT, VALID

ADDS = """
    @hookimpl
    def verify_extensions(payment, response):
        return {__name__: {"valid": response.is_valid}}
    @hookimpl
    def settle_extensions(payment):
        return {__name__: {"transaction": payment.transaction_id}}
"""
TELLS = """
    seen = []
    @hookimpl
    def verify_extensions(payment, response):
        seen.append(payment)
        return {"shelf": {"resource": payment.resource, "size": len(payment.transaction.raw)}}
    @hookimpl
    def settle_extensions(payment, response):
        return {"shelf": {"success": response.success, "asked": payment.extensions["shelf"]}}
"""
HOOKS: Mapping[str, tuple[str, VerifyResponse | SettleResponse]] = {
    "verify_extensions": ("extend_verify", VALID),
    "settle_extensions": ("extend_settle", SettleResponse(success=True, network=NETWORK)),
}

Install = Callable[..., Plugins]


class Shelf(Protocol):
    def add(self, name: str, source: str = "") -> str: ...


def test_what_each_plugin_adds_is_in_the_answer(install: Install) -> None:
    plugins = install("", good=ADDS)
    added = plugins.extend_verify(PAYMENT, VALID)
    assert added.extensions == {
        "shelved_first": {"valid": True},
        "shelved_last": {"valid": True},
    }
    assert plugins.extend_verify(PAYMENT, VALID).is_valid


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hook", HOOKS)
def test_a_responder_changes_nothing_else(install: Install, hook: str, way: str) -> None:
    extend, response = HOOKS[hook]
    before = copy.deepcopy((PAYMENT, response))
    source = misbehaving({hook: ("payment", "response")}, way)
    plugins = install(source, good=ADDS, responder_seconds=SHORT if way == "hangs" else 90.0)
    answer = getattr(plugins, extend)(PAYMENT, response)
    assert set(answer.extensions) == {"shelved_first", "shelved_last"}
    assert (PAYMENT, response) == before
    assert {**answer.to_json(), "extensions": None} == {**response.to_json(), "extensions": None}
    is_fault = way in (*FAILS, "returns nonsense")
    assert ("bad" in plugins.recent_faults()) == is_fault
    assert all(hook in what for what in plugins.recent_faults().values())


@pytest.mark.parametrize(
    "entries",
    [
        '{"shelved_first": {}}', '{5: {}}', '{"x": 5}', '{"x": None}', '[("x", {})]',
        '{"x": {"y": object()}}', '{"x": {"y": "z" * 2048}}', '{"x": {"y": float}}',
    ],
)  # fmt: skip
def test_entries_that_no_answer_can_carry_are_left_out(install: Install, entries: str) -> None:
    source = f"""
    @hookimpl
    def verify_extensions():
        return {entries}
    """
    plugins = install(source, good=ADDS)
    answer = plugins.extend_verify(PAYMENT, VALID)
    assert set(answer.extensions) == {"shelved_first", "shelved_last"}
    assert plugins.recent_faults() == {"bad": "failed in verify_extensions"}


def test_the_answer_carries_them_in_body_and_header(
    run: Callable[..., Running], shelf: Shelf
) -> None:
    shelf.add("shelf", TELLS)
    running = run(plugins="devnet,memory,shelf")
    body = Payer(running).body()
    resource = {"url": "https://shop.example/page"}
    body["paymentPayload"] |= {"resource": resource, "extensions": {"shelf": [1]}}

    def post(path: str) -> tuple[Any, Any]:
        answer = httpx.post(running.url + path, json=body, headers={"Prefer": "wait=0"})
        header = answer.headers["EXTENSION-RESPONSES"]
        return answer.json(), json.loads(base64.b64decode(header))

    verdict, header = post("/verify")
    raw = base64.b64decode(body["paymentPayload"]["payload"]["transaction"])
    assert verdict["isValid"] is True
    assert verdict["extensions"] == header == {"shelf": {"resource": resource, "size": len(raw)}}
    settled, header = post("/settle")
    assert settled["extensions"] == header
    assert header["shelf"]["asked"] == [1]


def test_without_an_entry_there_is_neither(run: Callable[..., Running]) -> None:
    running = run()
    answer = httpx.post(running.url + "/verify", json=Payer(running).body())
    assert "extensions" not in answer.json()
    assert "EXTENSION-RESPONSES" not in answer.headers


def test_an_observers_queue_is_bounded_in_bytes(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observers, "MOST_BYTES", 1_000)
    plugins = install(misbehaving({"after_verify": ("payment", "response")}, "hangs"))
    queue = plugins._calls_of("bad")._queue
    queue.offer("after_verify", lambda: None, 400)  # it may be taken out at once
    queue.offer("after_verify", lambda: None, 600)
    assert plugins.recent_faults() == {}
    assert queue.wait_until_empty(90)
    queue.offer("after_verify", lambda: None, 1_001)
    eventually(lambda: "misses calls" in plugins.recent_faults().get("bad", ""))
