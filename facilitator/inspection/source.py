"""Recognition of the input of an inspection."""

import base64
import binascii
import re

import orjson

from facilitator.errors import FacilitatorError
from facilitator.x402.messages import BadMessage, PaymentRequest, parse_payment_request

MAX_BYTES = 1_048_576
"""Length of the longest input that is read."""

_HEX = re.compile(rb"(?:[0-9a-fA-F]{2})+")


class Unreadable(FacilitatorError):
    """The input cannot be inspected. The exception's text is one line."""

    def __init__(self, message: str) -> None:
        """Put the message on one line."""
        super().__init__(" ".join(message.split()))


def read_source(data: bytes) -> PaymentRequest | bytes:
    """Return a request of ``/verify``, or the bytes of a transaction given as base64, hex or CBOR.

    Raises :class:`Unreadable`.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(f"the input is longer than {MAX_BYTES} bytes")
    text = data.strip()
    if not text:
        raise Unreadable("the input is empty")
    if text.startswith(b"{"):
        return _request(text)
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.decode())
    # The first byte of a transaction's CBOR, an array of four, is not ASCII.
    return _base64(text) if text.isascii() else data


def _request(text: bytes) -> PaymentRequest:
    try:
        return parse_payment_request(orjson.loads(text))
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the input begins like JSON and is not: {error}") from None
    except BadMessage as error:
        raise Unreadable(f"the input is JSON, but no request of /verify: {error}") from None


def _base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise Unreadable(
            "the input is neither a JSON request of /verify nor a transaction in base64, hex "
            "or CBOR"
        ) from None
