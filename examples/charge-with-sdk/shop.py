"""A shop that sells a page for ada, with Flask and the official x402 SDK.

Run it as ``python shop.py ADDRESS``.
"""

import sys
from collections.abc import Mapping
from typing import Any

from flask import Flask
from werkzeug.serving import make_server
from x402 import PaymentFlowConfig, x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync, PaymentOption
from x402.http.middleware.flask import payment_middleware
from x402.http.types import RouteConfig
from x402.schemas import AssetAmount, PaymentRequirements

NETWORK = "cardano:preprod"


class ExactCardano:
    """The SDK's knowledge of a network for which no mechanism is installed."""

    scheme = "exact"
    default_asset_transfer_method = "default"
    payment_flows: Mapping[str, PaymentFlowConfig] = {
        "default": PaymentFlowConfig(supported=("authorization",), default="authorization")
    }

    def parse_price(self, price: Any, network: str) -> AssetAmount:
        """Return the price, an ``AssetAmount`` in lovelace or in units of an asset."""
        if not isinstance(price, AssetAmount):
            raise TypeError(f"a price on {network} must be an AssetAmount")
        return price

    def enhance_payment_requirements(
        self, requirements: PaymentRequirements, *_: Any
    ) -> PaymentRequirements:
        """Return the requirements as they are."""
        return requirements


def shop(facilitator: str, pay_to: str) -> Flask:
    """Return the web application."""
    server = x402ResourceServerSync(HTTPFacilitatorClientSync(FacilitatorConfig(url=facilitator)))
    server.register(NETWORK, ExactCardano())
    page = PaymentOption(
        scheme="exact",
        network=NETWORK,
        pay_to=pay_to,
        price=AssetAmount(amount="2000000", asset="lovelace"),
        max_timeout_seconds=300,
        extra={"confirmationPolicy": {"l1Confirmations": 1}},
    )
    app = Flask(__name__)
    payment_middleware(app, {"GET /forecast": RouteConfig(accepts=page)}, server)

    @app.get("/forecast")
    def forecast() -> dict[str, str]:
        return {"forecast": "sunny, 24 degrees"}

    return app


def main(pay_to: str, port: str = "4000", facilitator: str = "http://127.0.0.1:3000") -> None:
    """Serve until interrupted."""
    server = make_server("127.0.0.1", int(port), shop(facilitator, pay_to), threaded=True)
    print(f"selling http://127.0.0.1:{server.server_port}/forecast", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
