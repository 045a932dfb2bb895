"""``examples/resource_server.py``, run as it is, over a real facilitator."""

import base64
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from facilitator.x402.messages import PaymentRequest, SettleResponse
from facilitator_devnet.samples import genesis_output, payload, sign_payment
from support.payments import MERCHANT
from support.running import NETWORK, Running

EXAMPLE = Path(__file__).parents[2] / "examples" / "resource_server.py"
Run = Callable[..., Running]
PENDING = "settlement_pending"


class Page(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]

    def message(self, header: str) -> dict[str, Any]:
        return dict(json.loads(base64.b64decode(self.headers[header])))


class Shop:
    """The example in a process of its own."""

    def __init__(self, facilitator: str) -> None:
        words = ["--pay-to", MERCHANT.bech32, "--facilitator", facilitator, "--port", "0"]
        environ = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLE), *words],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def listen(self) -> None:
        """Wait until it says where it listens."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("selling http://127.0.0.1:")
        self.url = urlsplit(line.split()[1])

    def get(self, signature: str | None = None, path: str | None = None) -> Page:
        connection = http.client.HTTPConnection(self.url.netloc, timeout=60)
        headers = {} if signature is None else {"PAYMENT-SIGNATURE": signature}
        try:
            connection.request("GET", path or self.url.path, headers=headers)
            answer = connection.getresponse()
            return Page(answer.status, dict(answer.headers.items()), json.loads(answer.read()))
        finally:
            connection.close()

    def signature(self) -> str:
        """The header that pays what the example asks for."""
        (terms,) = self.get().message("PAYMENT-REQUIRED")["accepts"]
        ref = genesis_output(NETWORK, "alice", 0, None)
        document = payload(terms, sign_payment(terms, "alice", ref, 200), ref)
        return base64.b64encode(json.dumps(document).encode()).decode()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


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
