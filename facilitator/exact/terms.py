"""The terms of a payment: its requirements as checked values."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from facilitator.cardano.addresses.address import AddressKind, parse_address, read_address
from facilitator.cardano.addresses.other_kinds import other_kind
from facilitator.cardano.transaction import AssetId
from facilitator.roles.payment import MEMPOOL, Terms
from facilitator.roles.refused import Refused
from facilitator.x402.messages import PaymentRequest, Requirements, parse_whole_number
from facilitator.x402.networks import canonical_network, cardano_network
from facilitator.x402.reasons import Reason

MAX_CONFIRMATIONS = 20

AMOUNT = re.compile(r"[1-9][0-9]{0,77}")
"""More than any output can hold: up to the 256 bits that other chains count in."""

ASSET = re.compile(r"([0-9a-f]{56})\.((?:[0-9a-f]{2}){0,32})")


@dataclass(frozen=True, slots=True)
class TermsPolicy:
    """The operator's limits on what requirements may ask."""

    accept_mempool: bool = False
    """True if they may ask for mempool acceptance only."""
    max_timeout_seconds: int = 86_400
    """Greatest ``maxTimeoutSeconds``: claims are kept, and inputs held, as long."""


def agree_terms(
    request: PaymentRequest,
    networks: Collection[str],
    methods: Collection[str],
    *,
    policy: TermsPolicy,
    scheme: str = "exact",
    pays_nothing: bool = False,
) -> Terms:
    """Return the terms that the request's requirements set. Raises :class:`Refused`.

    ``methods`` is empty in a ``scheme`` without transfer methods. For a message that
    ``pays_nothing`` amount and time may be 0.

    ``requirements`` come from the resource server and decide; ``accepted``, the client's echo of
    them, must say the same (``scheme_exact_cardano.md``).
    """
    check_version(request)
    requirements = folded(request.requirements)
    # Most clients repeat the requirements: then the message has one value for both.
    is_same = request.accepted is request.requirements or request.accepted == request.requirements
    accepted = requirements if is_same else folded(request.accepted)
    _check_scheme_and_network(requirements, accepted, networks, scheme)
    if not is_same:
        _check_accepted(requirements, accepted)
    least = 0 if pays_nothing else 1
    if not least <= requirements.max_timeout_seconds <= policy.max_timeout_seconds:
        raise Refused(
            Reason.REQUIREMENTS,
            f"maxTimeoutSeconds must be from {least} to {policy.max_timeout_seconds}",
        )
    return Terms(
        network=cardano_network(requirements.network),
        asset=_asset(requirements.asset),
        amount=0 if pays_nothing and requirements.amount == "0" else _amount(requirements.amount),
        pay_to=_pay_to(requirements.pay_to),
        max_timeout_seconds=requirements.max_timeout_seconds,
        confirmations=_confirmations(requirements.extra, accept_mempool=policy.accept_mempool),
        method=_method(requirements.extra, methods) if methods else "",
        requirements=requirements,
    )


def check_version(request: PaymentRequest) -> None:
    """Return if the payload is of x402 version 2, else raise :class:`Refused`."""
    if request.payload_version != 2:
        raise Refused(
            Reason.UNSUPPORTED_VERSION,
            f"paymentPayload.x402Version must be 2, not {request.payload_version}",
        )


def folded(requirements: Requirements) -> Requirements:
    """Return the requirements with the canonical id of their network."""
    canonical = canonical_network(requirements.network)
    if canonical is None or canonical == requirements.network:
        return requirements
    return replace(requirements, network=canonical)


def _check_scheme_and_network(
    requirements: Requirements, accepted: Requirements, networks: Collection[str], scheme: str
) -> None:
    if requirements.scheme != scheme or accepted.scheme != scheme:
        raise Refused(
            Reason.UNSUPPORTED_SCHEME,
            f"the scheme must be {scheme!r:.60}, not {requirements.scheme!r:.60} "
            f"(accepted: {accepted.scheme!r:.60})",
        )
    if requirements.network not in networks:
        raise Refused(
            Reason.NETWORK_MISMATCH,
            f"network {requirements.network!r:.60} is not served here; "
            f"served: {', '.join(sorted(networks))}",
        )
    if accepted.network != requirements.network:
        raise Refused(
            Reason.NETWORK_MISMATCH,
            f"the client accepted network {accepted.network!r:.60}, "
            f"but the requirements name {requirements.network}",
        )


def _check_accepted(requirements: Requirements, accepted: Requirements) -> None:
    matches = {
        "amount": accepted.amount == requirements.amount,
        "asset": accepted.asset == requirements.asset,
        "payTo": accepted.pay_to == requirements.pay_to,
        "maxTimeoutSeconds": accepted.max_timeout_seconds == requirements.max_timeout_seconds,
        "extra": _repeats(accepted.extra, requirements.extra),
    }
    differing = [name for name, is_match in matches.items() if not is_match]
    if differing:
        raise Refused(
            Reason.PAYLOAD,
            f"paymentPayload.accepted differs from paymentRequirements in {', '.join(differing)}",
        )


def _repeats(echo: object, original: object) -> bool:
    """Return True if the echo has all of the original, as the SDKs of resource servers match them.

    The echo may add fields to objects, and leave out a null.
    """
    if not isinstance(original, Mapping):
        return echo == original
    return isinstance(echo, Mapping) and all(
        _repeats(echo[name], value) if name in echo else value is None
        for name, value in original.items()
    )


def _amount(text: str) -> int:
    if not AMOUNT.fullmatch(text):
        raise Refused(
            Reason.REQUIREMENTS,
            "amount must be a positive decimal integer of at most 78 digits, without sign, space "
            f"or leading zero, not {text!r:.60}",
        )
    return int(text)


def _asset(text: str) -> AssetId | None:
    if text == "lovelace":
        return None
    match = ASSET.fullmatch(text)
    if match is None:
        raise Refused(
            Reason.REQUIREMENTS,
            "asset must be 'lovelace' or <56 lowercase hex policy id>.<0 to 64 lowercase hex "
            f"asset name>, not {text!r:.140}",
        )
    return bytes.fromhex(match[1] + match[2])


@lru_cache(maxsize=1024)
def _pay_to(text: str) -> bytes:
    """Return the bytes of the address.

    Cached, as a resource server names the same few addresses again and again.
    """
    try:
        raw = parse_address(text)
    except ValueError as error:
        kind = other_kind(text)
        why = f": {error}" if kind is None else f", but {kind}"
        raise Refused(Reason.REQUIREMENTS, f"payTo is not a Cardano address{why}") from None
    if read_address(raw).kind is AddressKind.REWARD:
        message = "payTo is a reward (stake) address, which no output can pay"
        raise Refused(Reason.REQUIREMENTS, message)
    return raw


def _confirmations(extra: Mapping[str, Any], *, accept_mempool: bool) -> int:
    policy = extra.get("confirmationPolicy", {"l1Confirmations": 1})
    confirmations = (
        parse_whole_number(policy.get("l1Confirmations")) if isinstance(policy, dict) else None
    )
    if (
        confirmations is None
        or len(policy) != 1
        or not MEMPOOL <= confirmations <= MAX_CONFIRMATIONS
    ):
        raise Refused(
            Reason.REQUIREMENTS_POLICY,
            'extra.confirmationPolicy must be {"l1Confirmations": n} with n from '
            f"{MEMPOOL} to {MAX_CONFIRMATIONS}",
        )
    if confirmations == MEMPOOL and not accept_mempool:
        raise Refused(
            Reason.REQUIREMENTS_POLICY,
            "this facilitator does not settle on mempool acceptance alone; ask for 0 or more "
            "l1Confirmations",
        )
    return confirmations


def _method(extra: Mapping[str, Any], methods: Collection[str]) -> str:
    method = extra.get("assetTransferMethod", "default")
    if not isinstance(method, str) or method not in methods:
        raise Refused(
            Reason.UNSUPPORTED_SCHEME,
            f"extra.assetTransferMethod {method!r:.60} is not supported; "
            f"supported: {', '.join(sorted(methods))}",
        )
    return method
