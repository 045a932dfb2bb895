"""The line that ends a request for a payment says which payment, and what became of it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NETWORK, Running

KEY = "k" * 20


@pytest.fixture
def running(run: Callable[..., Running], caplog: pytest.LogCaptureFixture) -> Running:
    caplog.set_level(logging.INFO, "facilitator.http")
    return run(settlement__wait_seconds=0, auth__api_keys=f'{{shop = "{KEY}"}}')


def line(running: Running, caplog: pytest.LogCaptureFixture, path: str, body: Any) -> Any:
    """Return the record of the request's line."""
    caplog.clear()
    running.call("POST", path, body, {"X-API-Key": KEY})
    (record,) = (each for each in caplog.records if each.getMessage() == "request completed")
    return record


def terms_of(record: Any) -> tuple[str, ...]:
    return record.network, record.payTo, record.amount, record.asset, record.caller


def test_a_verdict_and_a_settlement_say_who_pays_whom_what(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    payer = Payer(running)
    body = payer.body()
    terms = body["paymentRequirements"]
    wanted = (NETWORK, terms["payTo"], terms["amount"], terms["asset"], "shop")
    verdict = line(running, caplog, "/verify", body)
    assert terms_of(verdict) == wanted
    assert (verdict.tx, verdict.isValid) == (transaction_id(body), True)
    assert verdict.payer.startswith("addr_test1")
    assert not hasattr(verdict, "reason")
    settlement = line(running, caplog, "/settle", body)
    assert terms_of(settlement) == wanted
    assert (settlement.tx, settlement.success) == (transaction_id(body), False)
    assert settlement.reason == "settlement_pending"
    assert settlement.payer == verdict.payer


@pytest.mark.parametrize(("path", "outcome"), [("/verify", "isValid"), ("/settle", "success")])
def test_a_refusal_says_why(
    running: Running, caplog: pytest.LogCaptureFixture, path: str, outcome: str
) -> None:
    body = Payer(running).body()
    body["paymentRequirements"]["amount"] = body["paymentPayload"]["accepted"]["amount"] = "9" * 20
    record = line(running, caplog, path, body)
    assert getattr(record, outcome) is False
    assert record.reason == "invalid_exact_cardano_payload_amount_insufficient"
    assert "the requirement is " in record.detail
    assert (record.tx, record.amount) == (transaction_id(body), "9" * 20)


def test_a_request_that_cannot_be_read_says_why(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    assert line(running, caplog, "/verify", {"x402Version": 2}).reason
    caplog.clear()
    running.call("POST", "/verify", Payer(running).body())
    (record,) = (each for each in caplog.records if each.getMessage() == "request completed")
    assert getattr(record, "reason", None) == "unauthorized"


def test_texts_of_callers_are_cut(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    body = Payer(running).body()
    body["paymentRequirements"]["payTo"] = body["paymentPayload"]["accepted"]["payTo"] = "x" * 5000
    record = line(running, caplog, "/verify", body)
    assert record.payTo == "x" * 160
    assert len(record.detail) <= 400


def test_a_line_without_a_payment_has_no_fields_of_the_one_before(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    line(running, caplog, "/verify", Payer(running).body())
    caplog.clear()
    for _ in range(40):
        running.call("GET", "/supported")
    assert not any(hasattr(each, "payTo") or hasattr(each, "tx") for each in caplog.records)
