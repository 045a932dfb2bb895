"""The document with a payment in its examples whose time is not over."""

from collections.abc import Mapping
from typing import Any

from facilitator.api.openapi import examples
from facilitator.roles.chain import ExamplePayment

VALID_NOW = (
    "Signed by a wallet of the devnet when this description was fetched: valid for "
    "{seconds} seconds. Fetch it again for another one."
)
IN_TIME = (
    "Signed when this description was fetched, and spends an output that only a devnet has: "
    "another chain answers that there is none. `facilitator sample-payment` prints such a payment."
)
"""Summaries of the payment."""


def with_payment(
    document: Mapping[str, Any], payment: ExamplePayment, summary: str
) -> dict[str, Any]:
    """Return the document with examples of this payment, in requests and in answers.

    Whatever else is in the examples stays as it was.
    """
    terms = payment.request["paymentRequirements"]
    signed = payment.request["paymentPayload"]["payload"]
    former = examples.PAYMENT["paymentPayload"]["payload"]
    texts = {
        former["transaction"]: signed["transaction"],
        former["nonce"]: signed["nonce"],
        examples.TRANSACTION: payment.transaction_id,
        examples.NETWORK: terms["network"],
        examples.PAYER: payment.payer,
        examples.MERCHANT: terms["payTo"],
        examples.SIGNED_WHEN: summary.format(seconds=terms["maxTimeoutSeconds"]),
    }
    return {name: _replaced(value, texts, shown=False) for name, value in document.items()}


def _replaced(value: Any, texts: Mapping[str, str], *, shown: bool) -> Any:
    """Return the value with other texts in its examples; ``shown`` if it is within one."""
    if isinstance(value, Mapping):
        return {
            name: _replaced(item, texts, shown=shown or name in ("example", "examples"))
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_replaced(item, texts, shown=shown) for item in value]
    return texts.get(value, value) if shown and isinstance(value, str) else value
