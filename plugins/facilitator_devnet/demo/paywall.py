"""A resource server that charges for one page, with any x402 facilitator to judge and settle."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

from facilitator_devnet.demo.web import fetch, pack, unpack

PATH = "/forecast"
CONTENT = {"place": "Lisbon", "tomorrow": "sunny, 24 degrees"}

Report: TypeAlias = Callable[[str, Mapping[str, Any] | None], None]
"""A function called at the start of each step of the resource server and again with its result."""


class Paywall:
    """A server of :data:`CONTENT` at :data:`PATH` to clients that pay by the ``requirements``."""

    def __init__(self, facilitator: str, requirements: Mapping[str, Any], report: Report) -> None:
        """Listen on a free port of the loopback; ``facilitator`` is the facilitator's URL."""
        self._facilitator = facilitator
        self._requirements = dict(requirements)
        self._report = report
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The URL of the paid page."""
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        paywall = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = paywall.answer(self.headers.get("PAYMENT-SIGNATURE"))
                data = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                """Log nothing: the narrator shows each step."""

        return Handler

    def answer(self, signature: str | None) -> tuple[int, dict[str, str], Any]:
        """Verify, work, settle; return status, headers and body for the client."""
        if signature is None:
            return self._payment_required("PAYMENT-SIGNATURE header is required")
        try:
            payload = unpack(signature)
        except ValueError:
            return self._payment_required("PAYMENT-SIGNATURE is not base64 JSON")
        request = {
            "x402Version": 2,
            "paymentPayload": payload,
            "paymentRequirements": self._requirements,
        }
        verdict = self._ask("verify", request)
        if not verdict["isValid"]:
            return self._payment_required(verdict["invalidReason"])
        self._report("work", None)
        self._report("work", CONTENT)
        settled = self._settle(request)
        if not settled["success"]:
            return 402, {"PAYMENT-RESPONSE": pack(settled)}, {"error": settled["errorReason"]}
        return 200, {"PAYMENT-RESPONSE": pack(settled)}, CONTENT

    def _settle(self, request: object) -> Any:
        """Settle; repeat the call once if the settlement is pending."""
        for _ in range(2):
            settled = self._ask("settle", request)
            if settled.get("errorReason") != "settlement_pending":
                break
        return settled

    def _ask(self, what: str, request: object) -> Any:
        self._report(what, None)
        answer = fetch(f"{self._facilitator}/{what}", request).body
        self._report(what, answer)
        return answer

    def _payment_required(self, error: str) -> tuple[int, dict[str, str], Any]:
        offer = {
            "x402Version": 2,
            "error": error,
            "resource": {"url": self.url, "mimeType": "application/json"},
            "accepts": [self._requirements],
        }
        return 402, {"PAYMENT-REQUIRED": pack(offer)}, {"error": error}
