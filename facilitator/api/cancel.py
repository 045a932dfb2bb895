"""``/cancel``: give up a verified payment that will not be settled."""

import falcon

from facilitator.api.auth import Gate
from facilitator.api.requests import read_object
from facilitator.api.responses import answer
from facilitator.api.service import PaymentService
from facilitator.x402.messages import parse_payment_request


class Cancel:
    """``/cancel``: the inputs that ``/verify`` holds are free again. A settlement goes on."""

    def __init__(self, service: PaymentService, gate: Gate, max_body_bytes: int) -> None:
        """Ask ``service`` for callers that ``gate`` admits."""
        self._service = service
        self._gate = gate
        self._max_body_bytes = max_body_bytes

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give up the payment in the body, which is the body of ``/verify``."""
        self._gate.admit(req)
        request = parse_payment_request(read_object(req, self._max_body_bytes))
        answer(resp, self._service.cancel(request))
