"""A claim: the one durable record of settling one transaction, and how it may change.

``claimed → submitted → included → settled``, or ``rejected``, or ``expired``. A rollback takes
``included`` back to ``submitted``, and ``settled`` as well until the success is delivered. If the
chain shows a transaction after all that was ``rejected`` or ``expired``, it is ``included`` or
``settled``. A claim is removed only while ``claimed``, when nothing was sent to a node. Every
change is a compare-and-set on :attr:`Claim.version` and :attr:`Claim.nonce`, written before the act
that it announces.
"""

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum

NO_END = 2**64 - 1
"""The value of :attr:`Claim.invalid_hereafter` for a transaction whose validity has no end."""

UNKNOWN_ANSWER = b""
"""The stored form of :attr:`Delivery.UNKNOWN`, in place of the answer."""


class Delivery(StrEnum):
    """The delivery of a settlement's success, which at most one caller receives."""

    NONE = "none"
    """No caller has received it."""
    DELIVERED = "delivered"
    """One caller has received it; :attr:`Claim.answer` is what it received."""
    UNKNOWN = "unknown"
    """The record was lost, so it is not known if a caller has received it."""


class ClaimState(StrEnum):
    """The state of a claimed transaction."""

    CLAIMED = "claimed"
    """Its owner is verifying it under a lease; nothing was sent."""
    SUBMITTED = "submitted"
    """It was sent, or is about to be: a block may include it any time until its validity ends."""
    INCLUDED = "included"
    """It was seen in a block, not yet as deep as promised."""
    SETTLED = "settled"
    """It was seen as deep as promised. Final once the success is delivered. Before that, a rollback
    that goes deeper than was promised opens it again, when the next caller asks."""
    REJECTED = "rejected"
    """A ledger rule refuses it for good, or another transaction spent its input. Final unless the
    chain shows it after all."""
    EXPIRED = "expired"
    """Its validity ended without the ledger recording it. Final unless the chain shows it."""

    @property
    def is_final(self) -> bool:
        """True if nothing is left to do for it."""
        return self is ClaimState.SETTLED or self.is_given_up

    @property
    def is_given_up(self) -> bool:
        """True if it is not expected to land any more."""
        return self in (ClaimState.REJECTED, ClaimState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Claim:
    """The record of settling one transaction.

    Times are finite Unix seconds, slots unsigned 64-bit numbers, other whole numbers signed 64-bit
    numbers, and text is valid in UTF-8. A storage returns every such value exactly.
    """

    transaction_id: str
    """Canonical id, lowercase hex: the key."""
    network: str
    """Canonical id of the network."""
    state: ClaimState
    """The state that it reached last."""
    transaction: bytes
    """The exact bytes received, so that a process that resumes submits the same."""
    requirements: str
    """SHA-256 of the requirements that it settles, and of the scheme's statement if there is one;
    under others the payment is refused."""
    payer: str
    """The payer's address; empty while ``claimed``."""
    amount: str
    """Atomic units of the asset that the requirements ask for, as decimal text."""
    confirmations: int
    """Number of newer blocks promised before success, -1 to 20."""
    invalid_hereafter: int
    """The slot from which on the ledger no longer accepts it; :data:`NO_END` if there is none."""
    owner: str
    """A token that no other has: of the attempt that works on it while it is ``claimed``, then of
    the process that sent it last."""
    lease_until: float
    """Unix seconds from which another may take it over, by the clock of the owner."""
    created_at: float
    """Unix seconds at which it was claimed."""
    updated_at: float
    """Unix seconds of the last change."""
    keep_until: float
    """Unix seconds from which on a final claim may be removed."""
    accepted: bool = False
    """True once a node has accepted the transaction as submitted here."""
    block: str | None = None
    """Hash of the block in which it was seen."""
    block_slot: int | None = None
    """Slot of that block."""
    block_height: int | None = None
    """Height of that block."""
    depth: int | None = None
    """Number of newer blocks seen when this was written."""
    error: str | None = None
    """Reason of the rejection, for a person. While it is ``submitted``: why no node took it from
    here so far. If it is found all the same, another facilitator has sent it."""
    answer: bytes | None = None
    """The stored form of :attr:`delivery`: ``None`` before it, the delivered success as JSON after
    it, empty if the delivery is unknown."""
    answer_key: str | None = None
    """SHA-256 of the idempotency key under which the answer may be delivered again, else random."""
    version: int = 0
    """One more with each change."""
    nonce: str = ""
    """Random for each change, so that two callers' otherwise equal changes are not the same."""
    follows: str = ""
    """Nonce of the version that this one was made from: a change of that one alone."""
    scheme: str = "exact"
    """The scheme of the payment."""
    record: bytes = b""
    """The scheme's own record, from which it makes its part of the answer."""
    details: bytes = b""
    """Further fields for the payment ledger, as JSON: see
    :class:`~facilitator.roles.payment_record.PaymentDetails`."""
    delivered_to: str = ""
    """The client that received the success, as limits count it: an API key's name or an address."""
    delivery_request: str = ""
    """Id of the request that received the success."""

    @property
    def delivery(self) -> Delivery:
        """The delivery of the success, read from :attr:`answer`."""
        if self.answer is None:
            return Delivery.NONE
        return Delivery.UNKNOWN if self.answer == UNKNOWN_ANSWER else Delivery.DELIVERED

    @property
    def is_success(self) -> bool:
        """True if the promised depth or acceptance is reached, so the success may be delivered."""
        return self.state is ClaimState.SETTLED or (self.confirmations < 0 and self.accepted)

    @property
    def is_decided(self) -> bool:
        """True if waiting longer cannot change the answer to its callers."""
        return self.state.is_final or self.is_success

    def changed(self, **fields: object) -> "Claim":
        """Return a copy with these fields changed, the next version number and a new nonce."""
        version, nonce = self.version + 1, _new_nonce()
        return replace(self, version=version, nonce=nonce, follows=self.nonce, **fields)  # type: ignore[arg-type]

    def with_unknown_delivery(self, **fields: object) -> "Claim":
        """Return a changed copy of a claim whose success may have been delivered before."""
        return self.changed(answer=UNKNOWN_ANSWER, **fields)

    def instead_of(self, stored: "Claim") -> "Claim":
        """Return a copy that takes the place of the stored claim, as a change of it."""
        version, nonce = stored.version + 1, _new_nonce()
        return replace(self, version=version, nonce=nonce, follows=stored.nonce)


def _new_nonce() -> str:
    return secrets.token_hex(8)
