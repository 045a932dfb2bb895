"""Who may call ``/verify`` and ``/settle``: API keys, and what plugins say."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import falcon

from facilitator.api.errors import ApiError
from facilitator.roles.payment_hooks import Refusal

Authenticate: TypeAlias = Callable[[falcon.Request], Refusal | None]
"""Refuses a request or lets it pass: the hook ``authenticate`` of all plugins."""

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="x402 facilitator"'}


class Gate:
    """Lets a request pass when it names one of the keys, if there are any, and no plugin objects.

    Every key is compared, digest with digest, so that timing tells neither length nor place.
    """

    def __init__(self, api_keys: Mapping[str, str], authenticate: Authenticate | None) -> None:
        """Take the keys by name; without any, no key is needed."""
        self._authenticate = authenticate
        self.use(api_keys)

    def use(self, api_keys: Mapping[str, str]) -> None:
        """Know these keys from now on, and no others."""
        self._digests = {name: _digest(key.encode()) for name, key in api_keys.items()}

    def admit(self, req: falcon.Request) -> None:
        """Note the key's name in ``req.context.caller``. Raises :class:`ApiError` 401."""
        if self._digests:
            caller = self.caller(req)
            if caller is None:
                message = "Send a valid API key as Authorization: Bearer <key> or X-API-Key: <key>."
                raise ApiError(401, "unauthorized", message, CHALLENGE)
            req.context.caller = caller
        refusal = self._authenticate(req) if self._authenticate else None
        if refusal is not None:
            raise ApiError(401, refusal.reason, refusal.message, CHALLENGE)

    def caller(self, req: falcon.Request) -> str | None:
        """Return the name of the key that the request shows, if it is one of ours."""
        names = [
            name
            for offered in _offered_keys(req)
            for name, digest in self._digests.items()
            if hmac.compare_digest(digest, _digest(offered))
        ]
        return names[0] if names else None


def _offered_keys(req: falcon.Request) -> Iterator[bytes]:
    scheme, _, token = (req.get_header("Authorization") or "").partition(" ")
    if scheme.lower() == "bearer":
        yield token.strip().encode("latin-1")
    if key := req.get_header("X-API-Key"):
        yield key.encode("latin-1")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
