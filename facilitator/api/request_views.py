"""Notifications of requests, to those who observe them."""

import time
from typing import Protocol

import falcon

from facilitator.roles.requests import RequestView, ResponseView

SHOWN_HEADERS = (
    "user-agent",
    "content-type",
    "content-length",
    "accept",
    "origin",
    "host",
    "traceparent",
    "tracestate",
)
"""Headers that observers see; no other, since it may hold a key or a payment."""


class RequestListener(Protocol):
    """A listener to requests. Its methods neither raise nor wait."""

    def request_started(self, request: RequestView) -> None:
        """Handle the start of a request, before any other part does."""
        ...

    def request_completed(self, request: RequestView, response: ResponseView) -> None:
        """Handle the answer of a request."""
        ...


class RequestNotifications:
    """Middleware that notifies a listener of every request."""

    def __init__(self, listener: RequestListener) -> None:
        """Notify ``listener``."""
        self._listener = listener

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Notify of the start."""
        self._listener.request_started(_view(req))

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Notify of the answer."""
        seconds = time.perf_counter() - req.context.started
        self._listener.request_completed(_view(req), ResponseView(resp.status_code, seconds))


def _view(req: falcon.Request) -> RequestView:
    sent = ((name, req.get_header(name)) for name in SHOWN_HEADERS)
    return RequestView(
        request_id=req.context.request_id,
        method=req.method,
        path=req.path,
        uri_template=req.uri_template,
        remote_addr=req.remote_addr,
        caller=req.context.get("caller"),
        headers={name: value for name, value in sent if value is not None},
    )
