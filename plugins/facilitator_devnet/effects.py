"""The effects of a transaction that the ledger takes (Alonzo and Babbage, ``UTXOS``).

A transaction whose scripts fail, which its flag says, only pays: it spends its collateral and makes
its collateral return. Everything else that it asks for does not happen.
"""

from collections.abc import Callable, Mapping

from facilitator.cardano.transaction import Assets, Output, OutputRef, Transaction


def spent_by(transaction: Transaction) -> tuple[OutputRef, ...]:
    """Return the outputs that it spends: its inputs, or its collateral if its scripts fail."""
    body = transaction.body
    return body.inputs if transaction.is_valid else tuple(dict.fromkeys(body.collateral))


def made_by(transaction: Transaction) -> Mapping[int, Output]:
    """Return the outputs that it makes, by index.

    The collateral return has the index after the last output.
    """
    body = transaction.body
    if transaction.is_valid:
        return dict(enumerate(body.outputs))
    returned = body.collateral_return
    return {} if returned is None else {len(body.outputs): returned}


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
