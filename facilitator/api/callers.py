"""The holder of the API key in a request, or the refusal of that key."""

from typing import NamedTuple

from facilitator.api.errors import ApiError
from facilitator.roles.api_keys import Scope
from facilitator.roles.rate_limit import Limits
from facilitator.x402.reasons import Reason

_CHALLENGE = 'Bearer realm="x402 facilitator"'
CHALLENGE = {"WWW-Authenticate": _CHALLENGE}
RETRY_SECONDS = 5


class Caller(NamedTuple):
    """The holder of an API key."""

    name: str
    """The name of the key."""
    scope: Scope
    """The purpose of the key."""
    limits: Limits | None = None
    """The key's own limits; ``None`` for those of the settings."""


class Sender(NamedTuple):
    """The sender of a request, as far as its API key shows it."""

    caller: Caller | None = None
    """The holder of the key, to count the request; ``None`` without a key that is known."""
    refusal: ApiError | None = None
    """The reason to let nothing pass where a key counts, if there is one."""


ANONYMOUS = Sender()
"""A sender without a key."""


def unauthorized(why: str = "") -> ApiError:
    """Return the refusal of a request without a valid key; ``why`` is a sentence."""
    message = "Send a valid API key as Authorization: Bearer <key> or X-API-Key: <key>."
    return ApiError(401, "unauthorized", f"{why} {message}".lstrip(), CHALLENGE)


def wrong_scope(needed: Scope) -> ApiError:
    """Return the refusal of a valid key that is for something else (RFC 6750 §3.1)."""
    challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{needed}"'
    message = f"This API key is not for that: send one of the scope {needed}."
    return ApiError(403, "insufficient_scope", message, {"WWW-Authenticate": challenge})


def too_many_guesses() -> ApiError:
    """Return the refusal of a key that is not looked up, since too many were not valid."""
    message = "Too many API keys from this address are not valid; try again in a minute."
    return ApiError(429, "rate_limited", message, {"Retry-After": "60"})


def not_known(public: str) -> ApiError:
    """Return the refusal of a key while the storage, by this sentence, cannot be asked for it."""
    message = f"It is not known now if the API key is valid, try again: {public}."
    after = {"Retry-After": str(RETRY_SECONDS)}
    return ApiError(503, Reason.EVIDENCE_UNAVAILABLE, message, after)
