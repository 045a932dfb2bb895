"""The proofs that a refusal may give."""

from collections.abc import Iterable
from enum import StrEnum


class Proof(StrEnum):
    """The proof that a refusal gives. Of several failures the one that comes last here decides."""

    BYTES = "bytes"
    """A ledger rule refuses these bytes. They never become valid."""
    PARAMETERS = "parameters"
    """A ledger rule refuses them under the protocol parameters or version in force."""
    EXPIRED = "expired"
    """Their validity has ended at the node."""
    EARLY = "early"
    """Their time is the reason, and waiting may help."""
    STATE = "state"
    """A rule refuses them in this ledger state, which other transactions change."""
    NOTHING = "nothing"
    """The refusal says nothing of the transaction: a node may have it."""
    INPUTS = "inputs"
    """An input is not in the node's view: spent, by this transaction or another, or not yet made.
    Other failures are then consequences."""

    @property
    def is_final(self) -> bool:
        """True if the transaction can no longer land, unless a node has it already."""
        return self in (Proof.BYTES, Proof.PARAMETERS, Proof.EXPIRED)


_ORDER = {proof: place for place, proof in enumerate(Proof)}


def weakest(found: Iterable[Proof]) -> Proof:
    """Return what several failures prove together; :attr:`Proof.NOTHING` if there are none."""
    return max(found, key=_ORDER.__getitem__, default=Proof.NOTHING)
