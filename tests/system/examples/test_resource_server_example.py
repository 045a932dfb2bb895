"""``examples/resource_server.py``, run as it is, over a real facilitator."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from facilitator.testing.running import NETWORK, Running
from facilitator.x402.messages import PaymentRequest, SettleResponse
from facilitator_devnet.samples import genesis_output, payload, sign_payment
from support.shop import Shop

Run = Callable[..., Running]
PENDING = "settlement_pending"


@pytest.fixture
def open_shop() -> Iterator[Callable[[Running], Shop]]:
    with ExitStack() as stack:

        def start(running: Running) -> Shop:
            shop = Shop(running.url)
            stack.callback(shop.close)
            shop.listen()
            return shop

        yield start


OpenShop = Callable[[Running], Shop]
Settle = Callable[..., SettleResponse]


def replace_settle(running: Running, instead: Callable[[Settle, int], Settle]) -> list[str | None]:
    """Put something before the facilitator's ``settle``; the idempotency keys it is called with.

    ``instead`` is given the real one and how often it was called before.
    """
    service = running.facilitator.service
    real, keys = service.settle, []

    def settle(request: PaymentRequest, **context: Any) -> SettleResponse:
        keys.append(context["idempotency_key"])
        return instead(real, len(keys) - 1)(request, **context)

    service.settle = settle  # type: ignore[method-assign]
    return keys


def at_once(real: Settle) -> Settle:
    """Settle without waiting for the chain."""
    return lambda request, **context: real(request, **{**context, "wait_seconds": 0})


def test_a_page_is_sold_once(run: Run, open_shop: OpenShop) -> None:
    running = run(real_time=True, devnet__block_seconds=0.2)
    shop = open_shop(running)
    unpaid = shop.get()
    assert unpaid.status == 402
    offer = unpaid.message("PAYMENT-REQUIRED")
    assert offer["resource"]["url"] == shop.url.geturl()
    assert "forecast" not in unpaid.body

    signature = shop.signature()
    paid = shop.get(signature)
    assert (paid.status, paid.body) == (200, {"forecast": "sunny, 24 degrees"})
    receipt = paid.message("PAYMENT-RESPONSE")
    assert receipt["success"] is True
    _, status = running.call("GET", f"/status/{receipt['transaction']}")
    assert (status["status"], status["settled"]) == ("confirmed", True)

    again = shop.get(signature)
    assert (again.status, again.body) == (402, {"error": "duplicate_settlement"})


def test_a_pending_settlement_is_asked_for_once_more(run: Run, open_shop: OpenShop) -> None:
    running = run(real_time=True)
    shop = open_shop(running)

    def instead(real: Settle, number: int) -> Settle:
        if number == 0:
            return at_once(real)
        running.next_block()
        running.next_block()
        return real

    keys = replace_settle(running, instead)
    assert shop.get(shop.signature()).status == 200
    assert len(keys) == 2
    assert keys[0] == keys[1] is not None


def test_a_payment_that_stays_pending_can_be_shown_again(run: Run, open_shop: OpenShop) -> None:
    running = run(real_time=True)
    shop = open_shop(running)
    keys = replace_settle(running, lambda real, number: at_once(real) if number < 2 else real)
    signature = shop.signature()
    first = shop.get(signature)
    assert (first.status, first.body) == (402, {"error": PENDING})
    assert first.message("PAYMENT-RESPONSE")["errorReason"] == PENDING

    running.next_block()
    running.next_block()
    assert shop.get(signature).status == 200
    assert keys[1] != keys[2], "each request must have a key of its own"


def test_a_lost_answer_is_fetched_again(run: Run, open_shop: OpenShop) -> None:
    running = run(real_time=True, devnet__block_seconds=0.2)
    shop = open_shop(running)

    def settle_and_fail(real: Settle) -> Settle:
        def settle(request: PaymentRequest, **context: Any) -> SettleResponse:
            assert real(request, **context).success
            raise RuntimeError("this answer is lost")

        return settle

    replace_settle(running, lambda real, number: real if number else settle_and_fail(real))
    paid = shop.get(shop.signature())
    assert paid.status == 200
    assert paid.message("PAYMENT-RESPONSE")["success"] is True


@pytest.mark.parametrize("signature", ["not base64", "bm90IEpTT04=", "e30=", "W10="])
def test_a_malformed_payment_buys_nothing(run: Run, open_shop: OpenShop, signature: str) -> None:
    page = open_shop(run(real_time=True)).get(signature)
    assert (page.status, page.body) == (402, {"error": "invalid_payload"})


def test_a_payment_under_the_price_buys_nothing(run: Run, open_shop: OpenShop) -> None:
    shop = open_shop(run(real_time=True))
    (terms,) = shop.get().message("PAYMENT-REQUIRED")["accepts"]
    ref = genesis_output(NETWORK, "alice", 0, None)
    cheaper = sign_payment({**terms, "amount": "1999999"}, "alice", ref, 200)
    document = json.dumps(payload(terms, cheaper, ref)).encode()
    page = shop.get(base64.b64encode(document).decode())
    assert page.status == 402
    assert page.body == {"error": "invalid_exact_cardano_payload_amount_insufficient"}


def test_nothing_is_handed_over_without_the_facilitator(run: Run, open_shop: OpenShop) -> None:
    running = run(real_time=True)
    shop = open_shop(running)
    signature = shop.signature()
    running.server.close()
    page = shop.get(signature)
    assert page.status == 502
    assert "forecast" not in page.body


def test_there_is_only_one_page(run: Run, open_shop: OpenShop) -> None:
    assert open_shop(run(real_time=True)).get(path="/").status == 404
