"""Effects of a transaction on the chain: the outputs that it consumes and produces.

Where its scripts failed, that is its collateral and nothing else (Alonzo ``UTXOS``, Babbage's
``collOuts``). Dijkstra's sub-transactions count as a part of it.
"""

from collections.abc import Iterator

from facilitator.cardano.transaction import Output, OutputRef, Transaction


def consumed_by(transaction: Transaction, *, succeeded: bool) -> tuple[OutputRef, ...]:
    """Return the outputs that it consumes. ``succeeded`` is False if its scripts failed."""
    if not succeeded:
        return transaction.body.collateral
    return tuple(ref for each in _levels(transaction) for ref in each.body.inputs)


def produced_by(
    transaction: Transaction, *, succeeded: bool
) -> tuple[tuple[OutputRef, Output], ...]:
    """Return the outputs that it makes, by index. ``succeeded`` is False if its scripts failed.

    The collateral return has the index after those of the outputs (Babbage ``mkCollateralTxIn``).
    """
    if not succeeded:
        returned = transaction.body.collateral_return
        if returned is None:
            return ()
        return ((OutputRef(transaction.id, len(transaction.body.outputs)), returned),)
    return tuple(
        (OutputRef(each.id, index), output)
        for each in _levels(transaction)
        for index, output in enumerate(each.body.outputs)
    )


def _levels(transaction: Transaction) -> Iterator[Transaction]:
    """Yield the transaction and its sub-transactions."""
    yield transaction
    if transaction.body.dijkstra is not None:
        yield from transaction.body.dijkstra.subs
