"""Payment requirements that a resource server offers with 402 (x402 v2, HTTP transport)."""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from facilitator.cardano.addresses.address import parse_address
from facilitator.client.errors import CannotPay
from facilitator.x402.networks import canonical_network

HEADER = "PAYMENT-REQUIRED"
EXACT = "exact"
"""The scheme that is paid without a plugin."""
CHANNEL = "batch-settlement"
"""The scheme of payment channels, which a plugin pays by."""
_VERSION = 2
_LONGEST = 130
_MOST_DIGITS = 20
"""Digits of the largest quantity in an output, 2^64 - 1."""


@dataclass(frozen=True, slots=True)
class RequirementOffer:
    """The requirements that a server offers: ``PaymentRequired``."""

    accepts: Sequence[Mapping[str, Any]]
    """Alternatives, as the server wrote them, of which the payment meets one."""
    resource: Any = None
    """The server's description of the resource, which a payment repeats; ``None`` without one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The requirements that the payer agrees to."""

    networks: Collection[str]
    """Canonical ids."""
    asset: str
    """``lovelace``, or policy id and asset name in hex with a dot between."""
    most: int | None
    """Units of the asset, lovelace for instance; ``None`` for any number."""
    scheme: str = EXACT


def decoded(header: str) -> Any:
    """Return the value in a header of x402: base64 of JSON. Raises :class:`ValueError`."""
    return orjson.loads(base64.b64decode(header, validate=True))


def read_offer(header: str | None, body: bytes = b"") -> RequirementOffer:
    """Return the ``PaymentRequired`` object in the header. Raises :class:`CannotPay`.

    The body of the answer is only looked at to name an offer of x402 version 1, which is there.
    """
    if header is None:
        _refuse_version_1(body)
        raise CannotPay(f"the server answered 402 without the header {HEADER}: it is not x402 v2")
    try:
        offer = decoded(header)
    except ValueError:
        raise CannotPay(f"the header {HEADER} is not base64 of JSON") from None
    version = offer.get("x402Version") if isinstance(offer, dict) else None
    if isinstance(version, int) and version != _VERSION:
        raise CannotPay(f"the server offers x402 version {version}; this command pays version 2")
    _require_repeatable(offer)
    accepts = offer.get("accepts") if isinstance(offer, dict) else None
    if not isinstance(accepts, list) or not all(isinstance(each, dict) for each in accepts):
        raise CannotPay(f"the header {HEADER} has no list named accepts")
    return RequirementOffer(accepts, offer.get("resource"))


def _require_repeatable(offer: object) -> None:
    """Raise :class:`CannotPay` for an offer that no payment can repeat: orjson reads deeper ones.

    Else that shows after the payer's records say that the payment was shown.
    """
    try:
        orjson.dumps(offer)
    except orjson.JSONEncodeError:
        raise CannotPay(f"the header {HEADER} is nested too deeply to be repeated") from None


def _refuse_version_1(body: bytes) -> None:
    try:
        offer = orjson.loads(body)
    except ValueError:
        return
    if isinstance(offer, dict) and offer.get("x402Version") == 1:
        raise CannotPay(
            "the server offers x402 version 1, whose terms are in the body; this command pays "
            f"version 2, whose terms are in the header {HEADER}: the server's software is to be "
            "updated"
        )


def choose_requirements(offer: RequirementOffer, limits: Limits) -> dict[str, Any]:
    """Return the first requirements on offer that the payer agrees to, as the server wrote them.

    Raises :class:`CannotPay` with the reason against each, if there are none.
    """
    reasons = []
    for requirements in offer.accepts:
        reason = _objection(requirements, limits)
        if reason is None:
            return dict(requirements)
        reasons.append(reason)
    listed = "; ".join(reasons) or "the list accepts is empty"
    raise CannotPay(f"nothing that is offered can be paid: {listed}")


def _objection(requirements: Mapping[str, Any], limits: Limits) -> str | None:
    """Return why the payer does not agree to the requirements; ``None`` when it does."""
    scheme, network = requirements.get("scheme"), requirements.get("network")
    if scheme != limits.scheme:
        how = ", see --channel" if scheme == CHANNEL else ""
        return f"the scheme {_quoted(scheme)} is not {limits.scheme}{how}"
    known = canonical_network(network) if isinstance(network, str) else None
    if known is None:
        return f"the network {_quoted(network)} is no network of Cardano that is known here"
    if known not in limits.networks:
        served = ", ".join(limits.networks)
        return f"the network {_quoted(network)} is not in the setting network, which is {served}"
    extra = requirements.get("extra")
    method = extra.get("assetTransferMethod", "default") if isinstance(extra, dict) else "default"
    if scheme == EXACT and method != "default":
        return f"the transfer method {_quoted(method)} needs a wallet that knows it"
    asset = requirements.get("asset")
    if asset != limits.asset:
        return f"it is to be paid in {_quoted(asset)}, see --asset"
    pay_to = requirements.get("payTo")
    try:
        parse_address(str(pay_to))
    except ValueError:
        return f"{_quoted(pay_to)} is no address to pay to"
    amount = requirements.get("amount")
    if not isinstance(amount, str) or not amount.isascii() or not amount.isdigit():
        return f"the amount {_quoted(amount)} is none"
    if len(amount) > _MOST_DIGITS:
        return f"the amount {_quoted(amount)} is more than there can be"
    if limits.most is not None and int(amount) > limits.most:
        return f"{amount} {limits.asset} are more than --max {limits.most}"
    return None


def _quoted(value: object) -> str:
    """Return the server's value in a form that is safe to print on a terminal."""
    return repr(value)[:_LONGEST]
