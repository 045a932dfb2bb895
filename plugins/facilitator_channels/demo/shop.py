"""The demo's resource server: it sells one page by channel, and redeems what it is owed."""

import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from facilitator.cardano.addresses.address import format_address
from facilitator.plugin import FacilitatorError, Wallet
from facilitator_channels.draft import SCHEME
from facilitator_channels.paying.means import Means
from facilitator_channels.seller import (
    Answer,
    ClaimPolicy,
    HttpFacilitator,
    ProviderKey,
    Refusal,
    Seller,
    SignedClaim,
    choose,
    correct,
    redeem,
)
from facilitator_channels.seller.building import CannotPayFee, ClaimBuilder
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_channels.transactions.plan import CannotBuild
from facilitator_channels.validator import SCRIPT_HASH

PATH = "/forecast"
PAGE = {"tomorrow": "sunny, 24 degrees"}
_LEAST = {"lovelace": ClaimPolicy(base=0, each=1)}
_Reply = tuple[int, dict[str, str], bytes]


class ChannelShop:
    """A server of :data:`PAGE` at :data:`PATH`."""

    def __init__(self, facilitator: str, means: Means, price: int, folder: Path) -> None:
        """Listen on a free port of the loopback; ``price`` is in lovelace.

        ``means`` is the seller's wallet. It signs refunds, and claims are paid to it.
        """
        self._facilitator = HttpFacilitator(facilitator)
        self._store = SqliteStore(str(folder / "channels.db"))
        key = _provider_key(means.wallet)
        self._seller = Seller(self._store, self._facilitator, key=key)
        self._builder = ClaimBuilder(means.chain, means.wallet, key, clock=means.clock)
        self.requirements = _requirements(means, key, price)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._server.server_port

    def redeem(self) -> SignedClaim:
        """Redeem all that is owed; return the claim once it is settled.

        Raises :class:`~facilitator.plugin.FacilitatorError`.
        """
        (batch,) = choose(self._seller.records, _LEAST, 0)
        try:
            claim = self._builder.build(batch)
        except (CannotBuild, CannotPayFee) as error:
            raise FacilitatorError(str(error)) from None
        now_ms = round(time.time() * 1000)
        answer = redeem(self._seller.records, self._facilitator, batch, lambda _: claim, now_ms)
        if answer is None or answer.get("success") is not True:
            raise FacilitatorError(f"the claim was not settled: {answer}")
        return claim

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._seller.close()
        self._store.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                status, headers, body = shop.answer(self.headers.get("PAYMENT-SIGNATURE"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Log nothing: the demo shows what happens."""

        return Handler

    def answer(self, header: str | None) -> _Reply:
        """Return status, headers and body for a request with that payment."""
        if header is None:
            return self._payment_required("PAYMENT-SIGNATURE header is required", None)
        found = self._seller.before(json.loads(b64decode(header)), self.requirements)
        if isinstance(found, Refusal):
            return self._payment_required(found.reason, found)
        if isinstance(found, Answer):
            return 200, {"PAYMENT-RESPONSE": pack(found.settlement)}, found.response
        page = json.dumps(PAGE).encode()
        paid = self._seller.after(found, page)
        if isinstance(paid, Refusal):
            return self._payment_required(paid.reason, paid)
        return 200, {"PAYMENT-RESPONSE": pack(paid.settlement)}, page

    def _payment_required(self, error: str, refusal: Refusal | None) -> _Reply:
        offer = correct(self.requirements, refusal) if refusal else self.requirements
        message = {"x402Version": 2, "error": error, "accepts": [offer]}
        return 402, {"PAYMENT-REQUIRED": pack(message)}, b"{}"


def pack(message: object) -> str:
    """Return the value of a payment header: base64 of JSON."""
    return b64encode(json.dumps(message).encode()).decode()


def _requirements(means: Means, key: ProviderKey, price: int) -> Mapping[str, Any]:
    return {
        "scheme": SCHEME,
        "network": means.network,
        "asset": "lovelace",
        "amount": str(price),
        "payTo": format_address(means.wallet.address),
        "maxTimeoutSeconds": 60,
        "extra": {
            "scriptHash": SCRIPT_HASH.hex(),
            "receiverAuthorizer": key.key_hash.hex(),
            "withdrawDelay": 3_600,
        },
    }


def _provider_key(wallet: Wallet) -> ProviderKey:
    """Return the wallet's key, which signs a transaction's id."""
    return ProviderKey(wallet.sign(bytes(32)).public_key, lambda each: wallet.sign(each).signature)
