"""``/inspect``: the result of every rule on a payment, as an explanation of its verdict."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import falcon

from facilitator.api.auth import Gate
from facilitator.api.clients import client_of
from facilitator.api.requests import read_object
from facilitator.api.responses import answer
from facilitator.x402.messages import PaymentRequest, parse_payment_request

InspectPayment: TypeAlias = Callable[[PaymentRequest, str], Mapping[str, Any]]
"""A function that makes the report for a client; called from many threads at once."""


class Inspect:
    """``POST /inspect``: any report is 200."""

    def __init__(self, inspect: InspectPayment, gate: Gate, max_body_bytes: int) -> None:
        """Ask ``inspect`` for callers that ``gate`` admits."""
        self._inspect = inspect
        self._gate = gate
        self._max_body_bytes = max_body_bytes

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Report on the payment in the body."""
        self._gate.admit(req)
        request = parse_payment_request(read_object(req, self._max_body_bytes))
        client = client_of(req, getattr(req.context, "caller", None)) or ""
        answer(resp, self._inspect(request, client))
