"""``/settle``: submit a payment and wait for the chain."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import falcon

from facilitator.api.auth import Gate
from facilitator.api.clients import client_of
from facilitator.api.descriptions import SETTLE
from facilitator.api.log_fields import describe_settlement, describe_terms
from facilitator.api.rate_limit import count_request
from facilitator.api.requests import (
    client_disconnected_of,
    idempotency_key_of,
    preferred_wait_of,
    read_object,
)
from facilitator.api.responses import answer, answer_payment
from facilitator.api.service import PaymentService
from facilitator.x402.messages import PaymentRequest, parse_payment_request


class Settle:
    """``/settle``: any outcome, pending and failed included, is 200."""

    def __init__(self, service: PaymentService, gate: Gate, max_body_bytes: int) -> None:
        """Ask ``service`` for callers that ``gate`` admits."""
        self._service = service
        self._gate = gate
        self._max_body_bytes = max_body_bytes

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Describe what to post."""
        answer(resp, SETTLE)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Settle the payment in the body."""
        try:
            request = self._read(req)
            describe_terms(request)
            wait_seconds, key = preferred_wait_of(req), idempotency_key_of(req)
        except Exception:  # what is refused here counts as any request
            count_request(req)
            raise
        caller: str | None = getattr(req.context, "caller", None)
        response = self._service.settle(
            request,
            wait_seconds=wait_seconds,
            idempotency_key=key,
            client_disconnected=client_disconnected_of(req),
            caller=caller,
            client=client_of(req, caller) or "",
            count=partial(count_request, req),
        )
        describe_settlement(response)
        answer_payment(resp, response)

    def _read(self, req: falcon.Request) -> PaymentRequest:
        """Return the payment in the body."""
        self._gate.admit(req)
        body = read_object(req, self._max_body_bytes)
        if network := _network_of(body):
            req.context.network = network  # an error from here on names it
        return parse_payment_request(body)


def _network_of(body: Mapping[str, Any]) -> str | None:
    requirements = body.get("paymentRequirements")
    network = requirements.get("network") if isinstance(requirements, dict) else None
    return network if isinstance(network, str) else None
