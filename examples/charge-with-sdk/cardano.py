"""The parts of the shops that are about Cardano: prices, offers, and a payment that is given up."""

from collections.abc import Mapping
from typing import Any

import httpx
from x402 import PaymentFlowConfig
from x402.http import PaymentOption
from x402.schemas import AssetAmount, PaymentRequirements, VerifiedPaymentCanceledContext
from x402.schemas.helpers import convert_to_token_amount, parse_money

NETWORK = "cardano:preprod"
LOVELACE = "lovelace"
TUSDM = "e675b46e4d2242c991a8932a99db3044e80515ae14b4c4ccf6b3f4c9.0014df10745553444d"
TUSDM_DECIMALS = 6


class ExactCardano:
    """The SDK's knowledge of a network for which no mechanism is installed."""

    scheme = "exact"
    default_asset_transfer_method = "default"
    payment_flows: Mapping[str, PaymentFlowConfig] = {
        "default": PaymentFlowConfig(supported=("authorization",), default="authorization")
    }

    def parse_price(self, price: Any, network: str) -> AssetAmount:  # noqa: ARG002 -- the SDK passes it
        """Return the price: dollars such as ``"$0.10"`` in tUSDM, an ``AssetAmount`` as it is."""
        if isinstance(price, AssetAmount):
            return price
        dollars = parse_money(price)["amount"]
        return AssetAmount(amount=convert_to_token_amount(dollars, TUSDM_DECIMALS), asset=TUSDM)

    def enhance_payment_requirements(
        self, requirements: PaymentRequirements, *_: Any
    ) -> PaymentRequirements:
        """Return the requirements as they are."""
        return requirements


def offers(pay_to: str) -> list[PaymentOption]:
    """Return the price in tUSDM, and in ada as the second choice."""
    lovelace = AssetAmount(amount="2000000", asset=LOVELACE)
    return [
        PaymentOption(
            scheme="exact",
            network=NETWORK,
            pay_to=pay_to,
            price=price,
            max_timeout_seconds=300,
            extra={"confirmationPolicy": {"l1Confirmations": 1}},
        )
        for price in ("$0.10", lovelace)
    ]


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
