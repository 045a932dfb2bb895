"""One call of ``/settle``: its caller, and what the layer above does for its payment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from facilitator.roles.claim import Claim
from facilitator.roles.scheme import Answer


class Admitted(NamedTuple):
    """A payment that may be submitted now."""

    payer: str
    withdraw: Callable[[], None]
    """Frees what was bound for the payment. Called if it is not submitted after all."""
    announce: Callable[[Claim], bool] | None = None
    """Changes the claim as a storage does, and holds the payment's inputs in the same step. Raises
    :class:`~facilitator.roles.refused.Refused`, with nothing changed, if they belong to another
    settlement. ``None`` if they are held already."""


@dataclass(frozen=True, slots=True)
class SettleRequest:
    """The caller's wishes, apart from the payment itself."""

    wait_seconds: float
    key: str | None
    """Hash of the idempotency key, in the caller's name space."""
    client: str
    """The client that waits: an API key's name or an address; empty for this machine."""
    client_disconnected: Callable[[], bool]
    """Returns True if the caller has closed its connection."""
    admit: Callable[[], Admitted]
    """Judges the payment before its submission. Raises if it must not be submitted."""
    join: Callable[[], None]
    """Binds the caller's names to a payment that another call submitted. Raises if it cannot."""
    answer: Callable[[Claim], Answer]
    """Makes the scheme's part of the success."""
    details: Callable[[], bytes]
    """Makes :attr:`~facilitator.roles.claim.Claim.details` of a new claim."""
    request_id: str
    """Id of the request."""
