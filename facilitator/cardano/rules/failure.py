"""What a rule says when a transaction breaks it, and what it judges by."""

from dataclasses import dataclass
from typing import NamedTuple

from facilitator.cardano.parameters import ProtocolParameters


class Failure(NamedTuple):
    """A rule that the transaction breaks."""

    rule: str
    """The ledger's name of the predicate failure, or :data:`NOT_JUDGED`."""
    message: str
    """A sentence with the figures that were compared."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the ledger compares a transaction with, other than outputs and accounts."""

    slot: int
    """The slot the transaction would be applied in."""
    network_id: int
    """0 for test networks, 1 for mainnet."""
    parameters: ProtocolParameters


NOT_JUDGED = "NotJudged"
"""The rule's name where a transaction is refused for holding what is not judged here."""


def not_judged(what: str) -> Failure:
    """A refusal because of ``what``, the beginning of a sentence such as *votes are*."""
    return Failure(NOT_JUDGED, f"{what} not judged here, so the transaction is refused")


def listing(items: list[str]) -> str:
    """The items for a message: the first three, and how many more there are."""
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return ", ".join(items[:3]) + more
