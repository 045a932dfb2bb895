"""A web server that sells a page for ada by x402. Copy it and put your own code into ``work``.

    python resource_server.py --pay-to addr_test1...

It needs nothing but Python and a facilitator: this project's, or any other that serves the scheme
``exact`` on Cardano. It holds no key; the client's transaction pays ``--pay-to`` directly.
"""

import argparse
import base64
import json
import uuid
from collections.abc import Mapping
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATH = "/forecast"
PRICE_LOVELACE = 2_000_000
CONFIRMATIONS = 1  # newer blocks needed upon the payment's block
FACILITATOR_TIMEOUT_SECONDS = 90  # longer than the 75 s that /settle may wait for the chain


def work() -> dict[str, Any]:
    """Return the paid content. It must be safe to drop: a payment can still fail to settle."""
    return {"forecast": "sunny, 24 degrees"}


class Reply(NamedTuple):
    """An answer to the client."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = {}


class Paywall:
    """Gives the content of ``work`` to clients that pay."""

    def __init__(self, facilitator: str, network: str, pay_to: str) -> None:
        self.facilitator = facilitator.rstrip("/")
        self.requirements = {
            "scheme": "exact",
            "network": network,
            "asset": "lovelace",
            "amount": str(PRICE_LOVELACE),
            "payTo": pay_to,
            "maxTimeoutSeconds": 300,
            "extra": {"confirmationPolicy": {"l1Confirmations": CONFIRMATIONS}},
        }

    def reply(self, url: str, signature: str | None) -> Reply:
        """Verify, work, settle, and only then deliver the content."""
        if signature is None:
            return self.payment_required(url, "PAYMENT-SIGNATURE header is required")
        try:
            payload = json.loads(base64.b64decode(signature, validate=True))
        except ValueError:
            return self.payment_required(url, "invalid_payload")
        payment = {
            "x402Version": 2,
            "paymentPayload": payload,
            # The server's own requirements, never the client's copy of them.
            "paymentRequirements": self.requirements,
        }
        verdict = self.ask("/verify", payment)
        if not verdict["isValid"]:
            return self.payment_required(url, verdict["invalidReason"])
        result = work()
        receipt = self.settle(payment)
        headers = {"PAYMENT-RESPONSE": encode(receipt)}
        if not receipt["success"]:
            # A client with a pending payment may come back with the same PAYMENT-SIGNATURE.
            return Reply(402, {"error": receipt["errorReason"]}, headers)
        return Reply(200, result, headers)

    def settle(self, payment: Mapping[str, Any]) -> dict[str, Any]:
        """Settle, and try once more if it is pending or the answer got lost.

        By the idempotency key, the second try gets the answer of the first one. The key must be new
        for each request: with one derived from the payment, a payment could be used twice.
        """
        key = {"Idempotency-Key": str(uuid.uuid4())}
        try:
            receipt = self.ask("/settle", payment, key)
        except (OSError, HTTPException):
            return self.ask("/settle", payment, key)
        if receipt.get("errorReason") == "settlement_pending":
            return self.ask("/settle", payment, key)
        return receipt

    def ask(
        self, path: str, payment: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the facilitator's answer: 200 for a bad payment too, 400 for a malformed one."""
        request = Request(  # noqa: S310 -- the URL is the operator's own
            self.facilitator + path,
            json.dumps(payment).encode(),
            {"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urlopen(request, timeout=FACILITATOR_TIMEOUT_SECONDS) as answer:  # noqa: S310
                return dict(json.load(answer))
        except HTTPError as error:
            with error:
                if error.code != 400:
                    raise
                return dict(json.load(error))

    def payment_required(self, url: str, why: str) -> Reply:
        """Return 402 with the requirements in a header."""
        payment_required = {
            "x402Version": 2,
            "error": why,
            "resource": {"url": url, "mimeType": "application/json"},
            "accepts": [self.requirements],
        }
        return Reply(402, {"error": why}, {"PAYMENT-REQUIRED": encode(payment_required)})


def encode(message: object) -> str:
    """Return the value of a payment header: base64 of JSON."""
    return base64.b64encode(json.dumps(message).encode()).decode()


def handler(paywall: Paywall) -> type[BaseHTTPRequestHandler]:
    """Return a class of handlers for the requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == PATH:
                reply = self.paid_page()
            else:
                reply = Reply(404, {"error": f"there is only {PATH}"})
            body = json.dumps(reply.body).encode()
            headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
            self.send_response(reply.status)
            for name, value in {**headers, **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def paid_page(self) -> Reply:
            url = f"http://{self.headers.get('Host', 'localhost')}{PATH}"
            try:
                return paywall.reply(url, self.headers.get("PAYMENT-SIGNATURE"))
            except (OSError, HTTPException, ValueError, KeyError) as error:
                # Without the facilitator's answer no content is delivered.
                self.log_error("the facilitator could not be asked: %s", error)
                return Reply(502, {"error": "the facilitator could not be asked, try again"})

    return Handler


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Sell one page for ada.")
    parser.add_argument("--pay-to", required=True, metavar="ADDRESS", help="address that is paid")
    parser.add_argument("--network", default="cardano:preprod", help="(default: %(default)s)")
    parser.add_argument(
        "--facilitator", default="http://127.0.0.1:3000", help="its URL (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=4000, help="(default: %(default)s)")
    arguments = parser.parse_args()
    paywall = Paywall(arguments.facilitator, arguments.network, arguments.pay_to)
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(paywall))
    print(f"selling http://127.0.0.1:{server.server_port}{PATH}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
