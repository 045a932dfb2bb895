"""Reading a request: its body, and the headers that have a meaning here."""

import os
import re
from collections.abc import Callable
from typing import Any

import falcon
import orjson

from facilitator.api.environ import CLIENT_DISCONNECTED
from facilitator.api.errors import ApiError
from facilitator.x402.reasons import Reason

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_WAIT = re.compile(r'wait\s*=\s*(?:([0-9]{1,9})|"([0-9]{1,9})")\s*(?:;.*)?', re.IGNORECASE)
_VERSION_4 = 0x4 << 76 | 0b10 << 62
_RANDOM_BITS = ~(0xF << 76 | 0b11 << 62)
TRANSACTION_ID = re.compile(r"[0-9a-fA-F]{64}")


def read_object(req: falcon.Request, limit: int) -> dict[str, Any]:
    """Return the JSON object in the body, of at most ``limit`` bytes.

    Raises :class:`ApiError` 400, 413 or 415.
    """
    _check_media_type(req)
    body = req.bounded_stream.read(limit + 1)
    if len(body) > limit:
        raise too_large(limit)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _unusable(f"The body is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise _unusable("The body must be a JSON object.")
    return document


def too_large(limit: int) -> ApiError:
    """Return the refusal of a body of more than ``limit`` bytes."""
    return ApiError(413, Reason.INVALID_PAYLOAD, f"The body must not exceed {limit} bytes.")


def _unusable(message: str) -> ApiError:
    return ApiError(400, Reason.INVALID_PAYLOAD, message)


def _check_media_type(req: falcon.Request) -> None:
    """Refuse a body of another declared type; a body without a type counts as JSON."""
    media_type = (req.content_type or falcon.MEDIA_JSON).partition(";")[0].strip().lower()
    if media_type != falcon.MEDIA_JSON and not re.fullmatch(r"application/\S+\+json", media_type):
        message = "Send JSON with the header Content-Type: application/json."
        raise ApiError(415, Reason.INVALID_PAYLOAD, message, {"Accept": falcon.MEDIA_JSON})
    if (req.env.get("HTTP_CONTENT_ENCODING") or "identity").lower() != "identity":
        message = "Send the body without a content encoding."
        raise ApiError(415, Reason.INVALID_PAYLOAD, message, {"Accept-Encoding": "identity"})


def request_id_of(header: str | None) -> str:
    """Return the caller's ``X-Request-ID`` when it is fit for logs and headers, else a new UUID."""
    return header if header and REQUEST_ID.fullmatch(header) else _new_uuid()


def _new_uuid() -> str:
    """Return a random UUID (RFC 9562 §5.4), at a part of the cost of the module ``uuid``.

    Not by ``random``: a plugin that seeds it would give all requests the same ids.
    """
    number = int.from_bytes(os.urandom(16)) & _RANDOM_BITS | _VERSION_4
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def transaction_id_of(value: object) -> str:
    """Return the transaction id in lowercase hex. Raises :class:`ApiError` 400 if it is none."""
    if not isinstance(value, str) or not TRANSACTION_ID.fullmatch(value):
        message = "A transaction id is a string of 64 hexadecimal digits."
        raise ApiError(400, "invalid_transaction_id", message)
    return value.lower()


def idempotency_key_of(req: falcon.Request) -> str | None:
    """Return the header ``Idempotency-Key``. Raises :class:`ApiError` 400 when it is malformed."""
    key = req.get_header("Idempotency-Key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise _unusable("Idempotency-Key must be 1 to 255 visible ASCII characters.")
    return key


def preferred_wait_of(req: falcon.Request) -> float | None:
    """Return the seconds of ``Prefer: wait=…`` (RFC 7240 §4.3); ``None`` if absent or malformed."""
    for preference in (req.get_header("Prefer") or "").split(","):
        name = re.split(r"[=;]", preference)[0].strip().lower()
        if name == "wait":  # RFC 7240 §2: of several, the first counts
            match = _WAIT.fullmatch(preference.strip())
            return float(match[1] or match[2]) if match else None
    return None


def client_disconnected_of(req: falcon.Request) -> Callable[[], bool]:
    """Return a function that returns True once the server has noticed that the caller hung up."""
    disconnected: Callable[[], bool] = req.env.get(CLIENT_DISCONNECTED, lambda: False)
    return disconnected
