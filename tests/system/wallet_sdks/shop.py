"""A resource server that sells receipts for the test's own terms and remembers each sale."""

import base64
import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, NamedTuple

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Transaction
from facilitator.testing.http import call

Json = dict[str, Any]


class Sale(NamedTuple):
    """What was paid with, and what the facilitator said of it."""

    transaction: Transaction
    verdict: Json
    receipt: Json


class Shop:
    """Each path has its terms; ``sales`` are in the order that they were made in."""

    def __init__(
        self,
        facilitator_port: int,
        terms: Mapping[str, Json],
        first: Mapping[str, Json] | None = None,
    ) -> None:
        """Sell for ``terms``; where ``first`` has others, these are offered before."""
        self.terms = terms
        self.first = first or {}
        self.sales: list[Sale] = []
        self._facilitator_port = facilitator_port
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def sell(self, terms: Json, payload: Json) -> Sale:
        """Verify and settle."""
        payment = {"x402Version": 2, "paymentPayload": payload, "paymentRequirements": terms}
        transaction = decode_transaction(base64.b64decode(payload["payload"]["transaction"]))
        _, verdict = call(self._facilitator_port, "POST", "/verify", payment)
        _, receipt = call(self._facilitator_port, "POST", "/settle", payment)
        self.sales.append(Sale(transaction, verdict, receipt))
        return self.sales[-1]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            terms, signature = shop.terms[self.path], self.headers["PAYMENT-SIGNATURE"]
            if signature is None:
                accepts = [*([shop.first[self.path]] if self.path in shop.first else []), terms]
                offer = json.dumps({"x402Version": 2, "accepts": accepts}).encode()
                self._answer(402, {}, base64.b64encode(offer).decode())
            else:
                receipt = shop.sell(terms, json.loads(base64.b64decode(signature))).receipt
                self._answer(200 if receipt.get("success") else 402, receipt)

        def _answer(self, status: int, body: Json, offer: str | None = None) -> None:
            self.send_response(status)
            if offer is not None:
                self.send_header("PAYMENT-REQUIRED", offer)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
