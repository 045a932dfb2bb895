"""``/status``: the state of a transaction. Any caller may ask."""

import falcon

from facilitator.api.requests import read_object, transaction_id_of
from facilitator.api.responses import answer
from facilitator.api.service import PaymentService


class PostedStatus:
    """``POST /status`` with ``{"transaction": id}``."""

    def __init__(self, service: PaymentService, max_body_bytes: int) -> None:
        """Ask ``service`` for the state."""
        self._service = service
        self._max_body_bytes = max_body_bytes

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the state of the transaction named in the body."""
        body = read_object(req, self._max_body_bytes)
        answer(resp, self._service.status(transaction_id_of(body.get("transaction"))))


class Status:
    """``GET /status/{transaction}``."""

    def __init__(self, service: PaymentService) -> None:
        """Ask ``service`` for the state."""
        self._service = service

    def on_get(
        self,
        req: falcon.Request,  # noqa: ARG002
        resp: falcon.Response,
        transaction: str,
    ) -> None:
        """Return the state of the transaction named in the path."""
        answer(resp, self._service.status(transaction_id_of(transaction)))
