"""The course of requests as Sentry's transactions: by route, never with what was sent."""

from contextlib import ExitStack

import falcon
import sentry_sdk
from sentry_sdk.tracing import Transaction, TransactionSource
from sentry_sdk.tracing_utils import has_tracing_enabled

UNKNOWN = "(no route)"
_UNTRACED = "/health"
"""Supervisors and balancers ask it all the time."""


def begin(request: falcon.Request) -> None:
    """Begin a transaction, which upstream calls in this thread become a part of."""
    if request.path.startswith(_UNTRACED) or not has_tracing_enabled(
        sentry_sdk.get_client().options
    ):
        return
    with ExitStack() as stack:
        stack.enter_context(sentry_sdk.new_scope())
        transaction = sentry_sdk.start_transaction(
            op="http.server", name=UNKNOWN, source=TransactionSource.ROUTE
        )
        stack.enter_context(transaction)
        request.context.sentry = stack.pop_all()
        request.context.sentry_transaction = transaction


def end(request: falcon.Request, response: falcon.Response) -> None:
    """Name the transaction by the route, and queue it if it was sampled."""
    stack: ExitStack | None = request.context.get("sentry")
    if stack is None:
        return
    with stack:
        transaction: Transaction = request.context.sentry_transaction
        transaction.name = f"{request.method} {request.uri_template or UNKNOWN}"
        transaction.set_tag("request_id", request.context.request_id)
        transaction.set_tag("method", request.method)
        transaction.set_data("http.request.method", request.method)
        transaction.set_http_status(response.status_code)
