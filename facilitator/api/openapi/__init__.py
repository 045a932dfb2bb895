"""The description of the HTTP interface as an OpenAPI 3.1 document."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from facilitator import __version__
from facilitator.api.openapi.ledger import LEDGER_SCHEMAS, ledger_paths
from facilitator.api.openapi.messages import MESSAGE_SCHEMAS
from facilitator.api.openapi.operations import paths
from facilitator.api.openapi.parameters import PARAMETERS
from facilitator.api.openapi.refusals import HEADERS
from facilitator.api.openapi.report import REPORT_SCHEMAS
from facilitator.api.openapi.schemas import SCHEMAS, network_schema, reason_schema
from facilitator.errors import PluginError

_DESCRIPTION = """\
Verifies and settles x402 payments on Cardano.

A verdict on a payment is always 200, whatever it says; 4xx means that the request cannot be used,
and 5xx that the facilitator failed. HEAD is answered wherever GET is, and OPTIONS everywhere."""

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

_TAGS = {
    "payments": "Ask with any x402 SDK.",
    "transactions": "Anyone may ask.",
    "ledger": "What was paid: for operators, with a key of the scope `operate`.",
    "facilitator": "What is served here.",
    "health": "For supervisors and balancers.",
}


def build_document(
    core: Iterable[str],
    further: Mapping[str, object],
    *,
    max_body_bytes: int,
    keys_needed: bool,
    networks: Iterable[str],
    reasons: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the description of the routes ``core``, and of those in ``further`` that have one.

    Args:
        core: URI templates of the core. :class:`ValueError` for one that is not described.
        further: Falcon resources by URI template; an attribute ``openapi`` is the path item, and
            :class:`PluginError` if that is none.
        max_body_bytes: The greatest size of a body.
        keys_needed: True if payments need an API key; a plugin may ask for one in any case.
        networks: Canonical ids of the known networks.
        reasons: Reasons of refusals that transfer methods declare.
    """
    schemes: list[dict[str, Any]] = [{name: []} for name in _SCHEMES]
    known = paths(max_body_bytes, schemes if keys_needed else [{}, *schemes])
    known |= ledger_paths(schemes)
    described = {path: known[path] for path in sorted(core, key=[*known].index)}
    for path, resource in further.items():
        if (item := path_item(path, resource)) is not None:
            described[re.sub(r"\{(\w+):[^{}]*\}", r"{\1}", path)] = item
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "x402 facilitator for Cardano",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": described,
        "components": {
            "schemas": {
                **SCHEMAS,
                **MESSAGE_SCHEMAS,
                **REPORT_SCHEMAS,
                **LEDGER_SCHEMAS,
                "Reason": reason_schema(reasons),
                "Network": network_schema(networks),
            },
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": _SCHEMES,
        },
    }


def path_item(path: str, resource: object) -> dict[str, Any] | None:
    """Return how a plugin's resource describes itself; ``None`` if it does not.

    Raises :class:`PluginError` for what JSON cannot express, or what is no object in it.
    """
    item = getattr(resource, "openapi", None)
    if item is None:
        return None
    try:
        written = orjson.loads(orjson.dumps(item, default=_plain))
    except (TypeError, ValueError) as error:
        why = str(error)
    else:
        if isinstance(written, dict):
            return written
        why = f"it is a {type(item).__name__}, not a mapping"
    raise PluginError(f"a plugin brings the route {path}, whose openapi cannot be shown: {why}")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON has no {type(value).__name__}")
