"""The messages of x402 v2 as values, parsed once from decoded JSON.

An unusable request raises :class:`BadMessage`. This module does not judge the payment: it returns
the strings of the requirements and the scheme's own payload unchanged.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

import orjson

from facilitator.immutable import immutable
from facilitator.x402.reasons import Reason

PAYMENT_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{16,128}")
"""The id of the extension ``payment-identifier`` (``payment_identifier.md``)."""

MAX_INTEGER = 2**53 - 1
"""The greatest absolute value of an integer that is exact in every JSON reader (RFC 7493 §2.2)."""


class BadMessage(Exception):
    """The body is not an x402 request. Holds the reason and a sentence for people."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Store ``reason`` and ``message``, which says what the client must change."""
        super().__init__(message)
        self.reason = reason
        self.message = message


@immutable
class Requirements:
    """The demands on a payment: ``PaymentRequirements``."""

    scheme: str
    """The scheme, ``exact``."""
    network: str
    """The network as the resource server names it."""
    amount: str
    """Atomic units of the asset, as decimal text."""
    asset: str
    """``lovelace``, or policy id and asset name in hex with a dot between them."""
    pay_to: str
    """The address of the recipient as text."""
    max_timeout_seconds: int
    """Seconds that the payment may take."""
    extra: Mapping[str, Any]
    """Further fields, as the scheme names them."""

    def fingerprint(self) -> str:
        """Return a SHA-256 (hex), equal for equal requirements; the network should be canonical."""
        fields = [
            self.scheme,
            self.network,
            self.amount,
            self.asset,
            self.pay_to,
            self.max_timeout_seconds,
            self.extra,
        ]
        return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()


@immutable
class PaymentRequest:
    """The body of ``/verify`` and ``/settle``."""

    payload_version: int
    """``paymentPayload.x402Version``."""
    accepted: Requirements
    """The client's echo of the requirements, which the payer writes."""
    payload: Mapping[str, Any]
    """The scheme's own part, for Cardano ``transaction`` and ``nonce``; not judged here."""
    requirements: Requirements
    """The resource server's requirements: these decide."""
    payment_identifier: str | None = None
    """The id of the extension ``payment-identifier``, if the client sent one."""
    resource: Mapping[str, Any] | None = None
    """``paymentPayload.resource`` as received, if it is an object; the client writes it."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """``paymentPayload.extensions`` as received, if it is an object; the client writes it."""
    canonical: bytes = field(default=b"", repr=False)
    """The whole request as JSON with sorted keys."""

    @property
    def size(self) -> int:
        """Bytes of the canonical JSON."""
        return len(self.canonical)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the canonical JSON."""
        return hashlib.sha256(self.canonical).hexdigest()


@immutable
class VerifyResponse:
    """The answer of ``/verify``."""

    is_valid: bool
    """True if the payment is valid."""
    payer: str | None = None
    """The payer's address, if it is known."""
    reason: Reason | str | None = None
    """The reason why it is not valid; ``None`` if it is."""
    message: str | None = None
    """A sentence on that for a person."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the answer."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """The answers of extensions, by their keys."""

    def to_json(self) -> dict[str, Any]:
        """Return the wire fields, without absent ones."""
        return _drop_absent(
            isValid=self.is_valid,
            payer=self.payer,
            invalidReason=self.reason,
            invalidMessage=self.message,
            extra=dict(self.extra) or None,
            extensions=dict(self.extensions) or None,
        )


@immutable
class SettleResponse:
    """The answer of ``/settle``."""

    success: bool
    """True if the payment is settled, and this caller is to serve for it."""
    network: str
    """The canonical id of the network, or the one that the request names."""
    transaction: str = ""
    """Id of the transaction, lowercase hex; empty if there is none."""
    payer: str | None = None
    """The payer's address, if it is known."""
    amount: str | None = None
    """Atomic units that were paid, as decimal text."""
    reason: Reason | str | None = None
    """The reason why there is no success; ``None`` if there is."""
    message: str | None = None
    """A sentence on that for a person."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the answer."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """The answers of extensions, by their keys."""

    def to_json(self) -> dict[str, Any]:
        """Return the wire fields, without absent ones."""
        return _drop_absent(
            success=self.success,
            transaction=self.transaction,
            network=self.network,
            payer=self.payer,
            amount=self.amount,
            errorReason=self.reason,
            errorMessage=self.message,
            extra=dict(self.extra) or None,
            extensions=dict(self.extensions) or None,
        )


def _drop_absent(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def parse_payment_request(body: object) -> PaymentRequest:
    """Return the request in a decoded JSON body. Raises :class:`BadMessage`."""
    message = _expect_object(body, "the body", Reason.INVALID_PAYLOAD)
    version = message.get("x402Version")
    if parse_whole_number(version) != 2:
        raise BadMessage(Reason.INVALID_VERSION, f"x402Version must be 2, not {version!r:.40}")
    payload = _expect_object(
        message.get("paymentPayload"), "paymentPayload", Reason.INVALID_PAYLOAD
    )
    canonical = _canonical(message)
    requirements = _parse_requirements(
        message.get("paymentRequirements"), "paymentRequirements", Reason.INVALID_REQUIREMENTS
    )
    return PaymentRequest(
        payload_version=_expect_integer(
            payload, "x402Version", "paymentPayload", Reason.INVALID_PAYLOAD
        ),
        accepted=_parse_accepted(payload.get("accepted"), message, requirements),
        payload=_expect_object(
            payload.get("payload"), "paymentPayload.payload", Reason.INVALID_PAYLOAD
        ),
        requirements=requirements,
        payment_identifier=_parse_payment_identifier(payload),
        resource=_object_or_none(payload.get("resource")),
        extensions=_object_or_none(payload.get("extensions")) or {},
        canonical=canonical,
    )


def _canonical(message: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # orjson writes fewer levels than it reads
        raise BadMessage(Reason.INVALID_PAYLOAD, "the body is nested too deeply") from None


def _object_or_none(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _parse_requirements(value: object, where: str, reason: Reason) -> Requirements:
    fields = _expect_object(value, where, reason)
    for name in ("scheme", "network", "amount", "asset", "payTo"):
        if not isinstance(fields.get(name), str):
            raise BadMessage(reason, f"{where}.{name} must be a string")
    extra = fields.get("extra")
    return Requirements(
        scheme=fields["scheme"],
        network=fields["network"],
        amount=fields["amount"],
        asset=fields["asset"],
        pay_to=fields["payTo"],
        max_timeout_seconds=_expect_integer(fields, "maxTimeoutSeconds", where, reason),
        extra={} if extra is None else _expect_object(extra, f"{where}.extra", reason),
    )


def _parse_accepted(
    value: Any, message: Mapping[str, Any], requirements: Requirements
) -> Requirements:
    """Return the client's echo: the requirements of the message themselves if it repeats them."""
    repeats = value == message["paymentRequirements"]
    if repeats and not isinstance(value["maxTimeoutSeconds"], bool):  # of which one equals 1
        return requirements
    return _parse_requirements(value, "paymentPayload.accepted", Reason.INVALID_PAYLOAD)


def _parse_payment_identifier(payload: Mapping[str, Any]) -> str | None:
    extensions = payload.get("extensions")
    extension = extensions.get("payment-identifier") if isinstance(extensions, dict) else None
    info = extension.get("info") if isinstance(extension, dict) else None
    if not isinstance(info, dict) or info.get("id") is None:
        return None
    identifier = info["id"]
    if not isinstance(identifier, str) or not PAYMENT_IDENTIFIER.fullmatch(identifier):
        raise BadMessage(
            Reason.INVALID_PAYLOAD,
            "extensions.payment-identifier.info.id must be 16 to 128 letters, digits, - or _",
        )
    return identifier


def _expect_integer(fields: Mapping[str, Any], name: str, where: str, reason: Reason) -> int:
    number = parse_whole_number(fields.get(name))
    if number is None:
        raise BadMessage(reason, f"{where}.{name} must be an integer")
    return number


def parse_whole_number(value: object) -> int | None:
    """Return an integer, which JSON may write as ``2.0`` or ``2e0`` also; else ``None``."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) <= MAX_INTEGER else None


def _expect_object(value: object, where: str, reason: Reason) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadMessage(reason, f"{where} must be a JSON object")
    return value
