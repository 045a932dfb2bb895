"""A shop that sells a page for ada, with Flask and the official x402 SDK.

Run it as ``python shop.py ADDRESS``.
"""

import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx
from flask import Flask, abort, request
from werkzeug.serving import make_server
from x402 import PaymentFlowConfig, x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync, PaymentOption
from x402.http.middleware.flask import payment_middleware
from x402.http.types import RouteConfig
from x402.schemas import AssetAmount, PaymentRequirements, VerifiedPaymentCanceledContext

NETWORK = "cardano:preprod"
FORECASTS = {"today": "rainy, 17 degrees", "tomorrow": "sunny, 24 degrees"}


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


def give_up(facilitator: str, canceled: VerifiedPaymentCanceledContext) -> None:
    """Have the facilitator free the inputs of a payment whose page could not be made.

    The payer may use them at once, here and elsewhere. The body is that of ``/verify``.
    """
    wire = {"by_alias": True, "exclude_none": True}
    body = {
        "x402Version": canceled.payment_payload.x402_version,
        "paymentPayload": canceled.payment_payload.model_dump(**wire),
        "paymentRequirements": canceled.requirements.model_dump(**wire),
    }
    httpx.post(f"{facilitator}/cancel", json=body).raise_for_status()


def shop(facilitator: str, pay_to: str) -> Flask:
    """Return the web application."""
    server = x402ResourceServerSync(HTTPFacilitatorClientSync(FacilitatorConfig(url=facilitator)))
    server.register(NETWORK, ExactCardano())
    server.on_verified_payment_canceled(partial(give_up, facilitator))
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
        day = request.args.get("day", "tomorrow")
        if day not in FORECASTS:
            abort(404)  # no page, no settlement: the SDK calls ``give_up``
        return {"forecast": FORECASTS[day]}

    return app


def main(pay_to: str, port: str = "4000", facilitator: str = "http://127.0.0.1:3000") -> None:
    """Serve until interrupted."""
    server = make_server("127.0.0.1", int(port), shop(facilitator, pay_to), threaded=True)
    print(f"selling http://127.0.0.1:{server.server_port}/forecast", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
