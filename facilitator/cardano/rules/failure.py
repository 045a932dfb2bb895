"""The failure of a rule, and the environment that rules compare with."""

from typing import NamedTuple

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.immutable import immutable


class Failure(NamedTuple):
    """A rule that the transaction breaks."""

    rule: str
    """The ledger's name of the predicate failure, or :data:`NOT_JUDGED`."""
    message: str
    """A sentence with the figures that were compared."""


@immutable
class Environment:
    """The facts that the ledger compares a transaction with, except outputs and accounts."""

    slot: int
    """The slot in which the transaction would be applied."""
    network_id: int
    """The network id: 0 for test networks, 1 for mainnet."""
    parameters: ProtocolParameters
    future_signers: frozenset[bytes] = frozenset()
    """Hashes (28 bytes) of keys that have not signed yet and are going to.

    The rules judge the transaction as with a vkey witness of each: the key has signed, and the
    witness counts in the size. What else the caller has to know of such a key is no rule.
    """


NOT_JUDGED = "NotJudged"
"""The rule's name if a transaction is refused for a part that is not judged here."""


UNKNOWN_VERSION = "ProtocolVersionNotKnown"
"""The rule's name if the protocol version in force is a later one than is known here."""
BATCH = "BatchNotAccepted"
"""The rule's name if a transaction is refused because sub-transactions come with it."""
LONE_SUB_TRANSACTION = "LoneSubTransaction"
"""The rule's name if a sub-transaction is handed in by itself, which no ledger takes."""
DECODER_FAILURE = "DecoderFailure"
"""The rule's name if the decoder of the protocol version in force does not read the bytes."""


def refuse_unjudged(what: str) -> Failure:
    """Return the refusal of ``what``, the beginning of a sentence such as *votes are*."""
    return Failure(NOT_JUDGED, f"{what} not judged here, so the transaction is refused")


def format_items(items: list[str]) -> str:
    """Return the items for a message: the first three, and the number of the others."""
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return ", ".join(items[:3]) + more
