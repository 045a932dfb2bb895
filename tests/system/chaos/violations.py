"""What can be wrong with a history."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from chaos.history import Call


class Kind(StrEnum):
    """What can be wrong."""

    DELIVERED_TWICE = "delivered twice"
    """Two calls received the same success, and not by the same idempotency key and body."""
    LEAKED = "leaked"
    """A caller received the success that another one, with another API key, had received."""
    CHANGED = "changed"
    """A key got another answer than before."""
    PAID_TWICE = "paid twice"
    """Two payments under one payment identifier succeeded, of one payer to one shop."""
    DELIVERED_EARLY = "delivered early"
    """A success was delivered that was not in the chain as deep as promised."""
    UNCLAIMED = "unclaimed"
    """In the chain, and not in the records."""
    ENDLESS = "endless"
    """A claim that did not end, or a caller that never got a conclusive answer."""
    MISJUDGED = "misjudged"
    """Given up for good, though it is in the chain; or settled, though it never was as promised."""
    UNDELIVERED = "undelivered"
    """Settled, and delivered to no caller, though one could have received it."""
    LOCKED_OUT = "locked out"
    """Refused for another payment's sake, of which nothing was being settled."""
    LATE = "late"
    """In the chain as deep as promised for long, in quiet times, and still pending for a caller."""
    TURNED_AWAY = "turned away"
    """A caller that would have waited was answered at once, in quiet times, without a result."""
    UNRECORDED = "unrecorded"
    """The payment ledger lacks an event of a payment, or shows another state than its claim."""
    MISRECORDED = "misrecorded"
    """The payment ledger tells of changes that no claim makes, or of two deliveries."""
    FAULT = "fault"
    """An answer that is neither a verdict nor "try again"."""


class Violation(NamedTuple):
    """Something that must not be."""

    kind: Kind
    transaction: str
    what: str
    written: Sequence[Call] = ()
    """The calls whose records would have to be lost for it to be the storage's doing."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.transaction}: {self.what}"
