"""``/verify``: the verdict on a payment."""

import falcon

from facilitator.api.auth import Gate
from facilitator.api.clients import client_of
from facilitator.api.descriptions import VERIFY
from facilitator.api.log_fields import describe_terms, describe_verdict
from facilitator.api.requests import read_object
from facilitator.api.responses import answer, answer_payment
from facilitator.api.service import PaymentService
from facilitator.x402.messages import parse_payment_request


class Verify:
    """``/verify``: any verdict is 200."""

    def __init__(self, service: PaymentService, gate: Gate, max_body_bytes: int) -> None:
        """Ask ``service`` for callers that ``gate`` admits."""
        self._service = service
        self._gate = gate
        self._max_body_bytes = max_body_bytes

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Describe what to post."""
        answer(resp, VERIFY)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Judge the payment in the body."""
        self._gate.admit(req)
        request = parse_payment_request(read_object(req, self._max_body_bytes))
        describe_terms(request)
        caller = getattr(req.context, "caller", None)
        client = client_of(req, caller) or ""
        response = self._service.verify(request, caller=caller, client=client)
        describe_verdict(response)
        answer_payment(resp, response)
