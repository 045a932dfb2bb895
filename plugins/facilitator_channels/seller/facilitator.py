"""The facilitator as a seller asks it: over HTTP."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from facilitator.plugin import HttpBounds, TimedHttp

_TRIES = 3
_MAX_BYTES = 1 << 20
_ANSWERS = (200, 400, 409)
"""Status codes whose body is an answer of the protocol."""


class FacilitatorUnavailable(Exception):
    """The facilitator has not answered, or not by the protocol. What it did is not known."""


class Facilitator(Protocol):
    """Both calls raise :class:`FacilitatorUnavailable`."""

    def verify(
        self, payment: Mapping[str, Any], requirements: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the answer of ``/verify``."""
        ...

    def settle(
        self, payment: Mapping[str, Any], requirements: Mapping[str, Any], key: str
    ) -> Mapping[str, Any]:
        """Return the answer of ``/settle``; the same ``key`` gets the same answer again."""
        ...


class HttpFacilitator:
    """A :class:`Facilitator` at a URL."""

    def __init__(self, url: str, timeout_seconds: float = 90, api_key: str | None = None) -> None:
        """Ask the facilitator at ``url``, through the proxy that the environment names.

        ``timeout_seconds`` is the time for an answer from the first byte sent to the last received,
        longer than ``/settle`` may take. Raises :class:`ValueError` for another kind of URL than
        HTTP's.
        """
        if not url.startswith(("http://", "https://")):
            raise ValueError(
                f"a facilitator's URL begins with http:// or https://, not {url!r:.60}"
            )
        self._url = url.rstrip("/")
        self._http = TimedHttp()
        self._bounds = HttpBounds(timeout_seconds, _MAX_BYTES)
        self._headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self._headers["X-API-Key"] = api_key

    def verify(
        self, payment: Mapping[str, Any], requirements: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the answer of ``/verify``."""
        return self._ask("/verify", payment, requirements, {})

    def settle(
        self, payment: Mapping[str, Any], requirements: Mapping[str, Any], key: str
    ) -> Mapping[str, Any]:
        """Return the answer of ``/settle``; ask again after a lost answer, or a pending one."""
        headers = {"Idempotency-Key": key}
        answer: Mapping[str, Any] = {}
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = self._ask("/settle", payment, requirements, headers)
            except FacilitatorUnavailable:
                if not tries_left:
                    raise
                continue
            if answer.get("errorReason") != "settlement_pending":
                break
        return answer

    def _ask(
        self,
        path: str,
        payment: Mapping[str, Any],
        requirements: Mapping[str, Any],
        headers: Mapping[str, str],
    ) -> Mapping[str, Any]:
        body = {"x402Version": 2, "paymentPayload": payment, "paymentRequirements": requirements}
        try:
            answer = self._http.ask(
                self._url + path,
                self._bounds,
                body=json.dumps(body).encode(),
                headers={**self._headers, **headers},
            )
        except OSError as error:
            raise FacilitatorUnavailable(f"{path} got no answer: {error}") from error
        if answer.status not in _ANSWERS:
            raise FacilitatorUnavailable(f"{path} was answered {answer.status}")
        return _read(answer.body)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise FacilitatorUnavailable("the answer is no JSON object")
    return value
