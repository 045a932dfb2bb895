"""Recognition of the input of an inspection."""

import base64
import binascii
import re
from typing import Any

import orjson

from facilitator.inspection.likeness import (
    likeness_of_bytes,
    likeness_of_object,
    likeness_of_text,
    object_in_base64,
)
from facilitator.inspection.unreadable import Unreadable
from facilitator.inspection.witnessing import add_witnesses
from facilitator.x402.messages import BadMessage, PaymentRequest, parse_payment_request

MAX_BYTES = 1_048_576
"""Length of the longest input that is read."""

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")
_HEADER = re.compile(r"^PAYMENT-SIGNATURE:\s*", re.IGNORECASE)
_TRANSACTION_TYPES = ("Tx ConwayEra", "Tx DijkstraEra", "Tx BabbageEra")
"""The ends of a ``TextEnvelope``'s type, which may begin with "Witnessed" or "Unwitnessed"."""


def read_source(data: bytes) -> PaymentRequest | bytes:
    """Return a payment with its terms, or the bytes of a transaction.

    A payment is a request of ``/verify``, or the payload of a ``PAYMENT-SIGNATURE`` as JSON or as
    the header's base64, whose terms are those that the payer accepted. A transaction is base64, hex
    or CBOR, a file of cardano-cli (``TextEnvelope``), or an object with ``transaction`` and
    ``witnessSet`` in hex, as CIP-30 has them. Raises :class:`Unreadable`.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"the input is longer than {MAX_BYTES} bytes")
    text = data.strip()
    if not text:
        raise Unreadable("the input is empty")
    if text.startswith(b"{"):
        return _read_json(text)
    if not text.isascii():  # as is the first byte of a transaction's CBOR, an array of four
        return _known(data)
    words = _HEADER.sub("", text.decode())
    if _HEX.fullmatch(words):
        return _known(bytes.fromhex(words))
    if (message := object_in_base64(words)) is not None:
        return _read_object(message)
    return _known(_base64(words))


def _read_json(text: bytes) -> PaymentRequest | bytes:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the input begins like JSON and is not: {error}") from None
    return _read_object(message)


def _read_object(message: dict[str, Any]) -> PaymentRequest | bytes:
    if str(message.get("type")).endswith(_TRANSACTION_TYPES) and "cborHex" in message:
        return _known(_from_hex(message, "cborHex"))
    if "witnessSet" in message:
        return add_witnesses(_from_hex(message, "transaction"), _from_hex(message, "witnessSet"))
    if "accepted" in message and "payload" in message:
        message = {
            "x402Version": message.get("x402Version"),
            "paymentPayload": message,
            "paymentRequirements": message["accepted"],
        }
    try:
        return parse_payment_request(message)
    except BadMessage as error:
        _refuse_likeness(likeness_of_object(message))
        raise Unreadable(f"the input is JSON, but no request of /verify: {error}") from None


def _from_hex(message: dict[str, Any], name: str) -> bytes:
    try:
        return bytes.fromhex(message[name])
    except (KeyError, TypeError, ValueError):
        raise Unreadable(f"{name} is to be the CBOR in hex") from None


def _known(raw: bytes) -> bytes:
    _refuse_likeness(likeness_of_bytes(raw))
    return raw


def _base64(words: str) -> bytes:
    try:
        return base64.b64decode("".join(words.split()), validate=True)
    except binascii.Error:
        _refuse_likeness(likeness_of_text(words))
        raise Unreadable(
            "the input is neither a JSON request of /verify nor a transaction in base64, hex "
            "or CBOR"
        ) from None


def _refuse_likeness(likeness: str | None) -> None:
    if likeness is not None:
        raise Unreadable(f"the input looks like {likeness}")
