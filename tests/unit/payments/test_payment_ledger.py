"""What the payment ledger knows of payments that were settled through the API."""

from collections.abc import Callable
from typing import Any

import pytest

from facilitator.plugin import EVERY_PAYMENT, ClaimState, Delivery, PaymentLedger
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0)


@pytest.fixture
def ledger(running: Running) -> PaymentLedger:
    ledger = running.facilitator.ledger
    assert ledger is not None
    return ledger


def test_a_settled_payment_tells_its_story(running: Running, ledger: PaymentLedger) -> None:
    body: dict[str, Any] = Payer(running).body()
    body["paymentPayload"]["resource"] = {"url": "https://shop.example/report"}
    running.settle(body, **{"X-Request-Id": "the-first"})
    running.next_block()
    running.next_block()
    assert running.settle_until(
        body, lambda answer: answer["success"], **{"X-Request-Id": "the-last"}
    )
    payment = ledger.payment(transaction_id(body))
    assert payment is not None
    terms = body["paymentRequirements"]
    assert (payment.pay_to, payment.asset, payment.amount) == (
        terms["payTo"],
        terms["asset"],
        terms["amount"],
    )
    assert (payment.resource, payment.request_id) == ("https://shop.example/report", "the-first")
    assert (payment.state, payment.delivery) == (ClaimState.SETTLED, Delivery.DELIVERED)
    assert payment.fee is not None
    assert payment.fee > 150_000
    events = ledger.events(payment.transaction_id)
    assert events[0].state is ClaimState.SUBMITTED
    assert events[-1].delivery_request == "the-last"


def test_what_is_refused_is_counted_and_not_listed(running: Running, ledger: PaymentLedger) -> None:
    body = Payer(running).body(amount=1)
    running.verify(body)
    running.settle(body)
    running.settle(body)

    def counted() -> bool:
        counts = {(each.endpoint, each.count) for each in ledger.refusals("")}
        return counts == {("verify", 1), ("settle", 2)}

    eventually(counted)
    assert ledger.payments(EVERY_PAYMENT, None, 10) == []
