"""The facilitator behind the HTTP interface: the protocol that it implements, and its errors."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from facilitator.roles.health import HealthCheck
from facilitator.x402.messages import PaymentRequest, SettleResponse, VerifyResponse
from facilitator.x402.reasons import Reason

Count: TypeAlias = Callable[[Callable[[], bool]], None]
"""Counts a request by a function that returns True if its payment is counted already: ``/verify``
has found it valid. For a repeat of the request it does so once more."""


class IdempotencyConflict(Exception):
    """An idempotency key that was used with another request before. Answered with 409."""


class ServiceUnavailable(Exception):
    """A failure that is no fault of the request: no answer now. Answered with 503."""

    def __init__(self, reason: Reason | str, message: str, retry_after: int | None = None) -> None:
        """Refuse with ``reason``; the caller may try again after ``retry_after`` seconds."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class PaymentService(Protocol):
    """The facilitator. Its methods are called from many threads at once."""

    def verify(
        self, request: PaymentRequest, *, caller: str | None = None, client: str = ""
    ) -> VerifyResponse:
        """Judge a payment. Raises :class:`ServiceUnavailable`.

        ``caller`` is the name of the API key in the request, if it has a valid one; ``client`` is
        the one that asks, as limits count it.
        """
        ...

    def cancel(self, request: PaymentRequest) -> Mapping[str, Any]:
        """End the hold of a verified payment; return the body of ``/cancel``.

        Raises :class:`ServiceUnavailable`.
        """
        ...

    def settle(
        self,
        request: PaymentRequest,
        *,
        wait_seconds: float | None,
        idempotency_key: str | None,
        client_disconnected: Callable[[], bool],
        caller: str | None = None,
        client: str = "",
        count: Count = lambda _: None,
    ) -> SettleResponse:
        """Settle a payment, and wait for the chain no longer than the caller does.

        Args:
            request: The payment and its requirements.
            wait_seconds: The caller's own limit in seconds, if it named one.
            idempotency_key: The caller's key, with which it gets the same answer again.
            client_disconnected: Returns True if the caller has closed its connection.
            caller: The name of the API key in the request: keys and identifiers are its own.
            client: The client as limits count it; empty for this machine.
            count: Called once the payment is read, or cannot be. What it raises ends the call.

        Raises:
            IdempotencyConflict: The key was used with another request.
            ServiceUnavailable: No answer is possible now; nothing was decided.
        """
        ...

    def status(self, transaction_id: str) -> Mapping[str, Any]:
        """Return the body of ``/status`` for a transaction (id in lowercase hex)."""
        ...

    def supported(self) -> Mapping[str, Any]:
        """Return the body of ``/supported``."""
        ...

    def health(self) -> Mapping[str, HealthCheck]:
        """Return the dependencies by name, each with a check that raises when it is down."""
        ...
