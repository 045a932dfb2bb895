"""The effects of a transaction that the devnet takes.

Its flag says whether its scripts succeed, which the rules have judged. If they fail it only pays:
see :mod:`facilitator.cardano.effects`. Nothing else that it asks for happens.
"""

from collections.abc import Callable, Mapping

from facilitator.cardano.effects import consumed_by, produced_by
from facilitator.cardano.transaction import Assets, Output, OutputRef, Transaction


def spent_by(transaction: Transaction) -> tuple[OutputRef, ...]:
    """Return the outputs that it spends, each once."""
    return tuple(dict.fromkeys(consumed_by(transaction, succeeded=transaction.is_valid)))


def made_by(transaction: Transaction) -> Mapping[int, Output]:
    """Return the outputs that it makes, by index."""
    made = produced_by(transaction, succeeded=transaction.is_valid)
    return {ref.index: output for ref, output in made}


def minted_by(transaction: Transaction) -> Assets:
    """Return the quantities that it mints; burnt ones are negative."""
    return (transaction.body.mint or {}) if transaction.is_valid else {}


def fee_of(transaction: Transaction, find: Callable[[OutputRef], Output]) -> int:
    """Return the lovelace that it pays: its fee, or the collateral that it loses.

    ``find`` returns an output that it spends.
    """
    if transaction.is_valid:
        return transaction.body.fee
    held = sum(find(ref).value.lovelace for ref in spent_by(transaction))
    return held - sum(output.value.lovelace for output in made_by(transaction).values())
