"""Who asks for a payment to be settled."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettleRequest:
    """Who waits for an answer of ``/settle``, and how."""

    wait_seconds: float
    key: str | None
    """Hash of the idempotency key."""
    client_disconnected: Callable[[], bool]
    """Whether the caller has hung up."""
