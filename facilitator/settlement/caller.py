"""Who asks for a payment to be settled."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who waits for an answer of ``/settle``, and how."""

    wait_seconds: float
    key: str | None
    """Hash of the idempotency key."""
    is_gone: Callable[[], bool]
    """Whether the caller has hung up."""


def key_hash(key: str) -> str:
    """What is stored of an idempotency key: it may be somebody's secret."""
    return hashlib.sha256(key.encode()).hexdigest()
