"""One call of ``/settle``: how long its caller waits, and under which key."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettleRequest:
    """What a caller asks for besides the payment."""

    wait_seconds: float
    key: str | None
    """Hash of the idempotency key."""
    client_disconnected: Callable[[], bool]
    """Return True if the caller has closed its connection."""
