"""Admission to operations: by API keys and their scopes, and by plugins.

A key is one of the settings, or one in the storage. The storage is asked for a key only if the
settings do not have it, and it is of the form of those that are made here.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import TypeAlias

import falcon

from facilitator.api.callers import (
    ANONYMOUS,
    CHALLENGE,
    Caller,
    Sender,
    unauthorized,
    wrong_scope,
)
from facilitator.api.clients import client_of
from facilitator.api.errors import ApiError
from facilitator.api.key_text import digest_of, is_key
from facilitator.api.stored_keys import StoredKeys
from facilitator.plugin.hook_caller import FailedGate
from facilitator.roles.api_keys import Scope
from facilitator.roles.payment_hooks import Refusal
from facilitator.settings import AuthSettings

Authenticate: TypeAlias = Callable[[falcon.Request], Refusal | None]
"""A function that refuses a request, or returns None: the hook ``authenticate`` of all plugins."""


class Gate:
    """The check of API keys and plugins.

    It compares every key of the settings, digest with digest, so that timing reveals neither length
    nor position.
    """

    def __init__(
        self,
        settings: AuthSettings,
        authenticate: Authenticate | None,
        stored: StoredKeys | None = None,
    ) -> None:
        """Take the keys of the settings, and those of the storage if it keeps any."""
        self._authenticate = authenticate
        self._stored = stored
        self.set_keys(settings)

    def set_keys(self, settings: AuthSettings) -> None:
        """Replace the keys of the settings by these."""
        scopes = {Scope.PAY: settings.api_keys, Scope.OPERATE: settings.operator_keys}
        self._digests = [
            (_digest(key.encode()), Caller(name, scope))
            for scope, keys in scopes.items()
            for name, key in keys.items()
        ]
        self._names = {*settings.api_keys, *settings.operator_keys}
        self._payments_need_key = settings.payments_need_key

    def admit(self, req: falcon.Request) -> None:
        """Admit a request that carries a payment; put the key's name in ``req.context.caller``.

        Raises :class:`ApiError`: 401, 403, 429 after too many guesses, or 503 if the key cannot be
        looked up now or a plugin's check has failed.
        """
        self._check(req, Scope.PAY, is_needed=self._payments_need_key)
        refusal = self._authenticate(req) if self._authenticate else None
        if isinstance(refusal, FailedGate):
            raise ApiError(503, refusal.reason, refusal.message, {"Retry-After": "5"})
        if refusal is not None:
            raise ApiError(401, refusal.reason, refusal.message, CHALLENGE)

    def require(self, req: falcon.Request, scope: Scope) -> None:
        """Admit a request with a key of this scope alone, whatever the settings say of payments.

        The key's name is in ``req.context.caller`` then. Raises :class:`ApiError`: 401, 403, 429
        after too many guesses, or 503 if the key cannot be looked up now.
        """
        self._check(req, scope, is_needed=True)

    def sender_of(self, req: falcon.Request) -> Sender:
        """Return the sender of the request; later calls for the same request return the same."""
        if (sender := req.context.get("sender")) is None:
            sender = req.context.sender = self._identify(req)
        found: Sender = sender
        return found

    def _check(self, req: falcon.Request, scope: Scope, *, is_needed: bool) -> None:
        caller, refusal = self.sender_of(req)
        if refusal is not None:
            raise refusal
        if caller is None:
            if is_needed:
                raise unauthorized()
            return
        if caller.scope != scope:
            raise wrong_scope(scope)
        req.context.caller = caller.name

    def _identify(self, req: falcon.Request) -> Sender:
        sent = list(_sent_keys(req))
        if not sent:
            return ANONYMOUS
        callers = [
            caller
            for key in sent
            for digest, caller in self._digests
            if hmac.compare_digest(digest, _digest(key))
        ]
        if callers:
            return Sender(callers[0])
        texts = [key.decode("latin-1") for key in sent]
        text = next(filter(is_key, texts), None)
        if self._stored is None or text is None:
            return ANONYMOUS
        sender = self._stored.find(digest_of(text), client_of(req, None))
        if sender.caller is not None and sender.caller.name in self._names:
            return Sender(None, unauthorized("The settings have another key of this name."))
        return sender


class GateForResources:
    """Middleware by which any resource, also a plugin's, can demand a key of a scope.

    It calls ``req.context.gate.require(req, Scope.OPERATE)``: see :meth:`Gate.require`.
    """

    def __init__(self, gate: Gate) -> None:
        """Have ``gate`` check."""
        self._gate = gate

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Put the gate into ``req.context``."""
        req.context.gate = self._gate


def _sent_keys(req: falcon.Request) -> Iterator[bytes]:
    if authorization := req.env.get("HTTP_AUTHORIZATION"):
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer":
            yield token.strip().encode("latin-1")
    if key := req.env.get("HTTP_X_API_KEY"):
        yield key.encode("latin-1")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
