"""The calls of :class:`~facilitator_channels.seller.Seller` with JSON objects for values.

======== =================================================== =======================================
call     fields                                              ``result``
======== =================================================== =======================================
before   ``payment``: the value of ``PAYMENT-SIGNATURE``;    ``serve`` with ``id``, ``answer`` with
         ``requirements``: the page's                        ``settlement`` and ``response``, or
                                                             ``refuse``
after    ``id``; ``response``; ``charge``, which may be      ``paid`` with ``settlement``, or
         left out                                            ``refuse``
cancel   ``id``                                              ``cancelled``
======== =================================================== =======================================

A refusal has ``reason``, ``message``, and the ``requirements`` to offer. ``response`` is base64,
``charge`` an amount as text.
"""

import re
import threading
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from facilitator.plugin import Clock, SystemClock
from facilitator_channels.seller.answers import Answer, correct
from facilitator_channels.seller.request import Refusal
from facilitator_channels.seller.seller import Seller, Serve
from facilitator_channels.seller.store import StoreUnavailable

_AMOUNT = re.compile(r"0|[1-9][0-9]{0,19}")


class Reply(NamedTuple):
    """An answer over HTTP."""

    status: int
    """200 with a ``result``; else nothing may be served, and it has ``error`` and ``message``."""
    body: bytes
    """A JSON object."""


class _UnknownRequest(LookupError):
    """A request that is not worked for, or no more."""


class _Open(NamedTuple):
    serve: Serve
    until: float
    """Seconds since the epoch after which its channel is freed."""


class SellerCalls:
    """Answers the calls. It remembers each request from ``before`` until its end."""

    def __init__(self, seller: Seller, clock: Clock | None = None) -> None:
        """Call the seller, whose clock this is."""
        self._seller = seller
        self._clock = clock or SystemClock()
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()

    def answer(self, name: str, body: bytes) -> Reply:
        """Return the answer to the call of that name. Any number of threads may call at once."""
        calls = {"before": self._before, "after": self._after, "cancel": self._cancel}
        call = calls.get(name)
        if call is None:
            return _failure(404, "unknown_call", f"the calls are {', '.join(calls)}")
        try:
            return Reply(200, orjson.dumps(call(_object(body))))
        except _UnknownRequest as error:
            return _failure(404, "unknown_request", str(error))
        except StoreUnavailable as error:
            return _failure(503, "store_unavailable", str(error))
        except ValueError as error:
            return _failure(400, "bad_call", str(error))

    def _before(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self._free_overdue()
        requirements = call.get("requirements")
        if not isinstance(requirements, dict):
            raise ValueError("requirements is not an object")
        found = self._seller.before(_payment(_text(call, "payment")), requirements)
        if isinstance(found, Refusal):
            return _refusal(found, requirements)
        if isinstance(found, Answer):
            response = b64encode(found.response).decode()
            return {"result": "answer", "settlement": found.settlement, "response": response}
        self._keep(found)
        return {"result": "serve", "id": found.request.id}

    def _after(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        response = b64decode(_text(call, "response"), validate=True)
        charge = _amount(call["charge"]) if "charge" in call else None
        serve = self._take(call)
        try:
            found = self._seller.after(serve, response, charge)
        except BaseException:
            self._keep(serve)  # it may be called again, or cancelled
            raise
        if isinstance(found, Refusal):
            return _refusal(found, serve.requirements)
        return {"result": "paid", "settlement": found.settlement}

    def _cancel(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self._seller.cancel(self._take(call))
        return {"result": "cancelled"}

    def _keep(self, serve: Serve) -> None:
        until = self._clock.time() + serve.request.lifetime_ms / 1000
        with self._lock:
            self._open[serve.request.id] = _Open(serve, until)

    def _take(self, call: Mapping[str, Any]) -> Serve:
        """Return the request, which is remembered no more. Raises :class:`_UnknownRequest`."""
        name = _text(call, "id")
        with self._lock:
            found = self._open.pop(name, None)
        if found is None:
            raise _UnknownRequest(
                "the request is not worked for: it has ended, or took longer than"
                " maxTimeoutSeconds, or this process has begun after it"
            )
        return found.serve

    def _free_overdue(self) -> None:
        """Free the channels of requests whose server has ended: it would be renewed for long."""
        now = self._clock.time()
        with self._lock:
            overdue = [name for name, each in self._open.items() if each.until < now]
            ended = [self._open.pop(name) for name in overdue]
        for each in ended:
            self._seller.cancel(each.serve)


def _object(body: bytes) -> Mapping[str, Any]:
    value = orjson.loads(body)
    if not isinstance(value, dict):
        raise ValueError("a call is a JSON object")
    return value


def _text(call: Mapping[str, Any], field: str) -> str:
    value = call.get(field)
    if not isinstance(value, str):
        raise ValueError(f"{field} is not a text")
    return value


def _amount(value: object) -> int:
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError("charge is not an amount as text")
    return int(value)


def _payment(header: str) -> object:
    """Return what the header says; ``None``, which pays for nothing, if that cannot be read."""
    try:
        return orjson.loads(b64decode(header, validate=True))
    except ValueError:
        return None


def _refusal(refusal: Refusal, requirements: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "result": "refuse",
        "reason": refusal.reason,
        "message": refusal.message,
        "requirements": correct(requirements, refusal),
    }


def _failure(status: int, error: str, message: str) -> Reply:
    return Reply(status, orjson.dumps({"error": error, "message": message}))
