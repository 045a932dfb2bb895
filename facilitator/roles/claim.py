"""A claim: the one durable record of settling one transaction, and how it may change.

``claimed → submitted → included → settled``, or ``rejected``, or ``expired``. A rollback takes
``included`` back to ``submitted``, and ``settled`` as well while nobody was told. A claim is only
ever removed while ``claimed``, when nothing was sent to a node. Every change is a compare-and-set
on :attr:`Claim.version` and :attr:`Claim.nonce`, written before the act that it announces.
"""

import secrets
from dataclasses import dataclass, replace
from enum import StrEnum

NOT_KNOWN = b""
"""In place of the answer: the record was lost, and whether anybody was told is not known."""


class ClaimState(StrEnum):
    """Where a claimed transaction stands."""

    CLAIMED = "claimed"
    """Somebody is verifying it under a lease; nothing was sent."""
    SUBMITTED = "submitted"
    """It was sent, or is about to be: it may land any time until its validity ends."""
    INCLUDED = "included"
    """It was seen in a block, not yet as deep as promised."""
    SETTLED = "settled"
    """It was seen as deep as promised. Final once somebody was told; before, a rollback that goes
    deeper than was promised opens it again, when the next caller asks."""
    REJECTED = "rejected"
    """A node refused it for good. Final."""
    EXPIRED = "expired"
    """Its validity ended without the ledger recording it. Final."""

    @property
    def is_final(self) -> bool:
        """Whether nobody need look after it any more."""
        return self in (ClaimState.SETTLED, ClaimState.REJECTED, ClaimState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Claim:
    """The record of settling one transaction.

    Times are finite Unix seconds, slots are unsigned and other whole numbers signed 64-bit numbers,
    text is what UTF-8 can hold. A storage gives back every such value exactly.
    """

    transaction_id: str
    """Canonical id, lowercase hex: the key."""
    network: str
    state: ClaimState
    transaction: bytes
    """The exact bytes received, so that whoever resumes submits the same."""
    requirements: str
    """Fingerprint of the requirements it settles; the same payment under others is refused."""
    payer: str
    amount: str
    confirmations: int
    """Newer blocks promised before success, -1 to 20."""
    invalid_hereafter: int
    """The slot from which the ledger no longer takes it."""
    owner: str
    """Who works on it while it is ``claimed``: a token that no other attempt has."""
    lease_until: float
    created_at: float
    updated_at: float
    keep_until: float
    """When a final claim may be forgotten."""
    accepted: bool = False
    """Whether a node accepted our broadcast."""
    block: str | None = None
    """Hash of the block it was seen in."""
    block_slot: int | None = None
    block_height: int | None = None
    depth: int | None = None
    """Newer blocks seen when this was written."""
    error: str | None = None
    """Why it was rejected, for a person."""
    answer: bytes | None = None
    """The success as it was told, JSON; ``None`` until somebody was told; or :data:`NOT_KNOWN`."""
    answer_key: str | None = None
    """Hash of the idempotency key under which the same answer may be told again, else random."""
    version: int = 0
    nonce: str = ""
    """Random for each change, so that two callers' otherwise equal changes are not the same."""
    follows: str = ""
    """Nonce of the version that this one was made from: a change of that one alone."""

    @property
    def is_success(self) -> bool:
        """Whether what was promised has come about, so that somebody may be told."""
        return self.state is ClaimState.SETTLED or (self.confirmations < 0 and self.accepted)

    def changed(self, **fields: object) -> "Claim":
        """A copy with those fields changed, the next version number and a nonce of its own."""
        changed = replace(self, **fields)  # type: ignore[arg-type]
        return changed.instead_of(self)

    def instead_of(self, stored: "Claim") -> "Claim":
        """Return a copy that takes the place of the stored claim, as a change of it."""
        nonce = secrets.token_hex(8)
        return replace(self, version=stored.version + 1, nonce=nonce, follows=stored.nonce)
