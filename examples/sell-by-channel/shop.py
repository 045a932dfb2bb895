"""A shop that sells a page for 0.001 ada, by payment channels, with Flask.

Run it as ``python shop.py ADDRESS SCRIPT_HASH``, with the seed of the provider's key in the
variable ``PROVIDER_SEED``, as 64 hexadecimal digits.
"""

import base64
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import make_server

from facilitator_channels.seller import (
    Answer,
    HttpFacilitator,
    ProviderKey,
    Refusal,
    Seller,
    correct,
)
from facilitator_channels.seller.stores.sqlite import SqliteStore

PRICE_LOVELACE = 1_000


def work() -> dict[str, Any]:
    """Return the paid page."""
    return {"forecast": "sunny, 24 degrees"}


def shop(seller: Seller, requirements: Mapping[str, Any]) -> Flask:
    """Return the web application."""
    app = Flask(__name__)

    @app.get("/forecast")
    def forecast() -> Response:
        header = request.headers.get("PAYMENT-SIGNATURE", "")
        try:
            payment = json.loads(base64.b64decode(header, validate=True))
        except ValueError:
            return payment_required("PAYMENT-SIGNATURE header is required")
        found = seller.before(payment, requirements)
        if isinstance(found, Refusal):
            return payment_required(found.reason, found)
        if isinstance(found, Answer):  # a repeat gets the page again, a refund is done
            return reply(found.response, found.settlement)
        try:
            page = json.dumps(work()).encode()
        except Exception:
            seller.cancel(found)
            raise
        paid = seller.after(found, page)
        if isinstance(paid, Refusal):
            return payment_required(paid.reason, paid)
        return reply(page, paid.settlement)

    def payment_required(error: str, refusal: Refusal | None = None) -> Response:
        offer = seller.offered(requirements)  # with the sponsor's output, if there is a sponsor
        if refusal:
            offer = correct(offer, refusal)
        body = {
            "x402Version": 2,
            "error": error,
            "resource": {"url": request.base_url, "mimeType": "application/json"},
            "accepts": [offer],
        }
        return Response(json.dumps({"error": error}), 402, {"PAYMENT-REQUIRED": encode(body)})

    return app


def reply(page: bytes, settlement: Mapping[str, Any]) -> Response:
    """Return the page with its receipt."""
    headers = {"PAYMENT-RESPONSE": encode(settlement), "Content-Type": "application/json"}
    return Response(page, 200, headers)


def encode(message: object) -> str:
    """Return the value of a payment header: base64 of JSON."""
    return base64.b64encode(json.dumps(message).encode()).decode()


def offer(pay_to: str, script_hash: str, provider: ProviderKey) -> dict[str, Any]:
    """Return the requirements of the page."""
    return {
        "scheme": "batch-settlement",
        "network": "cardano:preprod",
        "asset": "lovelace",
        "amount": str(PRICE_LOVELACE),
        "payTo": pay_to,
        "maxTimeoutSeconds": 60,
        "extra": {
            "scriptHash": script_hash,
            "receiverAuthorizer": provider.key_hash.hex(),
            "withdrawDelay": 3_600,
            "minDeposit": "5000000",
        },
    }


def main(
    pay_to: str, script_hash: str, port: str = "4000", url: str = "http://127.0.0.1:3000"
) -> None:
    """Serve until interrupted; ``url`` is the facilitator's."""
    key = ProviderKey.from_seed(bytes.fromhex(os.environ["PROVIDER_SEED"]))
    facilitator = HttpFacilitator(url)
    seller = Seller(SqliteStore("channels.db"), facilitator, key=key)
    app = shop(seller, offer(pay_to, script_hash, key))
    server = make_server("127.0.0.1", int(port), app, threaded=True)
    print(f"selling http://127.0.0.1:{server.server_port}/forecast", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 3 or "PROVIDER_SEED" not in os.environ:
        sys.exit("usage: PROVIDER_SEED=HEX python shop.py ADDRESS SCRIPT_HASH [PORT [FACILITATOR]]")
    main(*sys.argv[1:])
