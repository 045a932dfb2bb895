"""A shop that sells a page for the devnet's token and pays the fee, over HTTP through waitress."""

import base64
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import waitress

from facilitator.seller.sponsor import FeeSponsor, NotSponsored
from facilitator.testing.running import Running

PAGE = b"sunny"
Environ = Mapping[str, Any]


class SponsoredShop:
    """The shop, until it is closed. It asks the facilitator in this process, over HTTP."""

    def __init__(
        self,
        running: Running,
        sponsor: FeeSponsor,
        requirements: Mapping[str, Any],
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        """Call ``on_wait`` while a payment is pending: a block is to be made then."""
        self.running = running
        self.sponsor = sponsor
        self.requirements = requirements
        self.receipts: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        """What was sent to ``/settle``."""
        self._on_wait = on_wait
        create: Any = waitress.create_server  # type: ignore[attr-defined]
        self._server = create(self._serve, host="127.0.0.1", port=0, threads=8)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.effective_port}/page"

    def _serve(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        status, body, headers = self.reply(environ.get("HTTP_PAYMENT_SIGNATURE"))
        start_response(status, [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def reply(self, header: str | None) -> tuple[str, bytes, dict[str, str]]:
        """Offer, verify, sign, work, settle."""
        if header is None:
            return self.payment_required("no payment")
        payload = json.loads(base64.b64decode(header))
        terms = self.sponsor.with_offer(self.requirements, payload)
        payment = {"x402Version": 2, "paymentPayload": payload, "paymentRequirements": terms}
        verdict = self.running.verify(payment)
        if not verdict["isValid"]:
            return self.payment_required(verdict["invalidReason"])
        try:
            signature = self.sponsor.sign(terms, payload)
        except NotSponsored as why:
            return self.payment_required(why.reason)
        if signature is not None:
            payload = self.sponsor.settlement(payload, signature)
        receipt = self.settle({**payment, "paymentPayload": payload})
        if signature is not None:
            self.sponsor.settled(signature, receipt)
        encoded = {"PAYMENT-RESPONSE": encode(receipt)}
        if not receipt["success"]:
            return "402 Payment Required", b"", encoded
        return "200 OK", PAGE, encoded

    def settle(self, payment: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(payment)
        key = {"Idempotency-Key": str(uuid.uuid4())}
        receipt = self.running.settle(payment, Prefer="wait=0", **key)
        if receipt.get("errorReason") == "settlement_pending":
            self._on_wait()
            receipt = self.running.settle_until(
                payment, lambda answer: answer.get("errorReason") != "settlement_pending", **key
            )
        self.receipts.append(receipt)
        return receipt

    def payment_required(self, why: str) -> tuple[str, bytes, dict[str, str]]:
        offer = {
            "x402Version": 2,
            "error": why,
            "resource": {"url": self.url},
            "accepts": [self.sponsor.with_offer(self.requirements)],
        }
        return "402 Payment Required", b"", {"PAYMENT-REQUIRED": encode(offer)}

    def close(self) -> None:
        self._server.close()
        self._thread.join()


def encode(message: object) -> str:
    return base64.b64encode(json.dumps(message).encode()).decode()
