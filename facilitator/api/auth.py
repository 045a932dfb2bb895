"""Admission to the operations on payments: by API keys, and by plugins."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import falcon

from facilitator.api.errors import ApiError
from facilitator.plugin.hook_caller import FailedGate
from facilitator.roles.payment_hooks import Refusal

Authenticate: TypeAlias = Callable[[falcon.Request], Refusal | None]
"""A function that refuses a request, or returns None: the hook ``authenticate`` of all plugins."""

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="x402 facilitator"'}


class Gate:
    """The check of API keys and plugins: a request needs a key, if there are any, and no refusal.

    It compares every key, digest with digest, so that timing reveals neither length nor position.
    """

    def __init__(self, api_keys: Mapping[str, str], authenticate: Authenticate | None) -> None:
        """Take the keys by name; without keys, none is needed."""
        self._authenticate = authenticate
        self.set_keys(api_keys)

    def set_keys(self, api_keys: Mapping[str, str]) -> None:
        """Replace the keys by these."""
        self._digests = {name: _digest(key.encode()) for name, key in api_keys.items()}

    def admit(self, req: falcon.Request) -> None:
        """Store the key's name in ``req.context.caller``.

        Raises :class:`ApiError`: 401, or 503 if a plugin's check failed.
        """
        if self._digests:
            caller = self.caller_of(req)
            if caller is None:
                message = "Send a valid API key as Authorization: Bearer <key> or X-API-Key: <key>."
                raise ApiError(401, "unauthorized", message, CHALLENGE)
            req.context.caller = caller
        refusal = self._authenticate(req) if self._authenticate else None
        if isinstance(refusal, FailedGate):
            raise ApiError(503, refusal.reason, refusal.message, {"Retry-After": "5"})
        if refusal is not None:
            raise ApiError(401, refusal.reason, refusal.message, CHALLENGE)

    def caller_of(self, req: falcon.Request) -> str | None:
        """Return the name of the key in the request, if it is one of the API keys."""
        if not self._digests:
            return None
        names = [
            name
            for sent in _sent_keys(req)
            for name, digest in self._digests.items()
            if hmac.compare_digest(digest, _digest(sent))
        ]
        return names[0] if names else None


def _sent_keys(req: falcon.Request) -> Iterator[bytes]:
    scheme, _, token = (req.get_header("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip().encode("latin-1")
    if key := req.get_header("X-API-Key"):
        yield key.encode("latin-1")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
