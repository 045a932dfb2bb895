"""``/`` and ``/supported``: the endpoints, and the supported payments."""

from collections.abc import Mapping

import falcon

from facilitator.api.descriptions import INDEX
from facilitator.api.responses import answer
from facilitator.api.service import PaymentService


class Index:
    """The resource ``GET /``."""

    def __init__(self, further: Mapping[str, str]) -> None:
        """List the endpoints ``further`` as well."""
        self._document = {**INDEX, "endpoints": {**INDEX["endpoints"], **further}}

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """List the endpoints."""
        answer(resp, self._document)


class Supported:
    """The resource ``GET /supported``."""

    def __init__(self, service: PaymentService) -> None:
        """Ask ``service`` for the list."""
        self._service = service

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """List the payment kinds, extensions and signers."""
        answer(resp, self._service.supported())
