"""One call of ``/settle``: how long its caller waits, and under which key."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SettleRequest:
    """The caller's wishes, apart from the payment itself."""

    wait_seconds: float
    key: str | None
    """Hash of the idempotency key."""
    client_disconnected: Callable[[], bool]
    """Return True if the caller has closed its connection."""
