"""A listing: what a payment says of its resource, checked. The payer writes most of it."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.plugin import PaymentView
from facilitator_bazaar.urls import is_below, public_url

EXTENSION = "bazaar"
LARGEST_EXTENSION = 8_192
"""Bytes of JSON."""
_METHODS = frozenset({"GET", "HEAD", "DELETE", "POST", "PUT", "PATCH"})
_LONGEST_DESCRIPTION = 500
_LONGEST_NAME = 32
_MOST_TAGS = 5
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+-]{1,60}")
_EXTRA = ("assetTransferMethod", "confirmationPolicy")
"""Fields of ``extra`` that are shown: others may be of one payment alone."""


class Rejected(Exception):
    """The extension is there, and is not listed."""

    def __init__(self, reason: str) -> None:
        """Take a word for the answer."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Listing:
    """A resource and terms by which it was sold."""

    url: str
    network: str
    pay_to: str
    asset: str
    item: str
    """JSON of the catalogue's item, without terms and time."""
    terms: str
    """JSON of the terms."""


def listing_of(payment: PaymentView, hosts: tuple[str, ...]) -> Listing | None:
    """Return the listing, or ``None`` without the extension. Raises :class:`Rejected`."""
    extension = payment.extensions.get(EXTENSION)
    if extension is None:
        return None
    resource = payment.resource or {}
    url = public_url(resource.get("url"))
    if url is None:
        raise Rejected("invalid_resource_url")
    if not is_below(url, hosts):
        raise Rejected("host_not_listed")
    requirements = payment.requirements
    item = {
        "resource": url,
        "type": "http",
        "x402Version": 2,
        **_described(resource),
        "extensions": {EXTENSION: _declaration(extension)},
    }
    terms = {
        "scheme": requirements.scheme,
        "network": requirements.network,
        "amount": requirements.amount,
        "asset": requirements.asset,
        "payTo": requirements.pay_to,
        "maxTimeoutSeconds": requirements.max_timeout_seconds,
        "extra": {key: requirements.extra[key] for key in _EXTRA if key in requirements.extra},
    }
    return Listing(
        url,
        requirements.network,
        requirements.pay_to,
        requirements.asset,
        _json(item, LARGEST_EXTENSION),
        _json(terms, LARGEST_EXTENSION),
    )


def _declaration(extension: object) -> dict[str, Any]:
    """Return what the extension declares. Raises :class:`Rejected`."""
    if not isinstance(extension, Mapping) or not isinstance(extension.get("info"), Mapping):
        raise Rejected("invalid_info")
    info = extension["info"]
    if not isinstance(info.get("input"), Mapping):
        raise Rejected("invalid_info")
    if info["input"].get("type") != "http":
        raise Rejected("unsupported_type")
    method = info["input"].get("method")
    if method is not None and (not isinstance(method, str) or method not in _METHODS):
        raise Rejected("invalid_info")
    schema = extension.get("schema", {})
    if not isinstance(schema, Mapping):
        raise Rejected("invalid_schema")
    return {"info": info, "schema": schema}


def _json(value: object, largest: int) -> str:
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (RecursionError, ValueError, TypeError):
        raise Rejected("invalid_info") from None
    if len(text) > largest:
        raise Rejected("too_large")
    return text


def _described(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the payment says of its resource, without what is not fit to be shown."""
    checks: dict[str, Callable[[Any], Any]] = {
        "description": lambda value: _text(value, _LONGEST_DESCRIPTION),
        "mimeType": _media_type,
        "serviceName": _name,
        "tags": _tags,
        "iconUrl": public_url,
    }
    shown = {key: check(resource.get(key)) for key, check in checks.items()}
    return {key: value for key, value in shown.items() if value}


def _text(value: object, longest: int) -> str | None:
    if not isinstance(value, str):
        return None
    return "".join(each if each.isprintable() else " " for each in value[:longest]).strip()


def _media_type(value: object) -> str | None:
    return value if isinstance(value, str) and _MEDIA_TYPE.fullmatch(value) else None


def _name(value: object) -> str | None:
    is_name = isinstance(value, str) and value.isascii() and value.isprintable()
    return value if is_name and isinstance(value, str) and len(value) <= _LONGEST_NAME else None


def _tags(value: object) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return [tag for tag in map(_name, value[: 2 * _MOST_TAGS]) if tag][:_MOST_TAGS]
