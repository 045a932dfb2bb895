"""Offers: what a resource server that answers 402 wants to be paid (x402 v2, HTTP transport)."""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from facilitator.cardano.addresses.address import parse_address
from facilitator.client.errors import CannotPay
from facilitator.x402.networks import canonical_network

HEADER = "PAYMENT-REQUIRED"
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """What the payer agrees to."""

    networks: Collection[str]
    """Canonical ids."""
    asset: str
    """``lovelace``, or policy id and asset name in hex with a dot between."""
    most: int | None
    """Units of the asset, lovelace for instance; ``None`` for any number."""


def decoded(header: str) -> Any:
    """What a header of x402 holds: base64 of JSON. Raises :class:`ValueError`."""
    return orjson.loads(base64.b64decode(header, validate=True))


def read_offer(header: str | None) -> Mapping[str, Any]:
    """Return the ``PaymentRequired`` object in the header. Raises :class:`CannotPay`."""
    if header is None:
        raise CannotPay(f"the server answered 402 without the header {HEADER}: it is not x402 v2")
    try:
        offer = decoded(header)
    except ValueError:
        raise CannotPay(f"the header {HEADER} is not base64 of JSON") from None
    accepts = offer.get("accepts") if isinstance(offer, dict) else None
    if not isinstance(accepts, list) or not all(isinstance(each, dict) for each in accepts):
        raise CannotPay(f"the header {HEADER} has no list named accepts")
    return dict(offer)


def choose(offer: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Return the first terms in the offer that the payer agrees to, as the server wrote them.

    Raises :class:`CannotPay`, which says why of each that is not.
    """
    reasons = []
    for terms in offer["accepts"]:
        reason = _objection(terms, limits)
        if reason is None:
            return dict(terms)
        reasons.append(reason)
    raise CannotPay(f"nothing that is offered can be paid: {_told(reasons)}")


def _told(reasons: Sequence[str]) -> str:
    return "; ".join(reasons) or "the list accepts is empty"


def _objection(terms: Mapping[str, Any], limits: Limits) -> str | None:
    """Why the payer does not agree to the terms; ``None`` when it does."""
    scheme, network = terms.get("scheme"), terms.get("network")
    if scheme != "exact":
        return f"the scheme {_quoted(scheme)} is not exact"
    if not isinstance(network, str) or canonical_network(network) not in limits.networks:
        return f"the network {_quoted(network)} is not in the setting network"
    extra = terms.get("extra")
    method = extra.get("assetTransferMethod", "default") if isinstance(extra, dict) else "default"
    if method != "default":
        return f"the transfer method {_quoted(method)} needs a wallet that knows it"
    if terms.get("asset") != limits.asset:
        return f"it is to be paid in {_quoted(terms.get('asset'))}, see --asset"
    try:
        parse_address(str(terms.get("payTo")))
    except ValueError:
        return f"{_quoted(terms.get('payTo'))} is no address to pay to"
    amount = terms.get("amount")
    if not isinstance(amount, str) or not amount.isascii() or not amount.isdigit():
        return f"the amount {_quoted(amount)} is none"
    if limits.most is not None and int(amount) > limits.most:
        return f"{amount} {limits.asset} are more than --max {limits.most}"
    return None


def _quoted(value: object) -> str:
    """What the server wrote, fit for a terminal."""
    return repr(value)[:_LONGEST]
