"""Spenders of outputs of the devnet's chain."""

from facilitator.cardano.effects import consumed_by, produced_by
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import InBlock, Spender, SpentBy, Unknown, Unspent
from facilitator_devnet.chain import Chain


def find_spender(chain: Chain, ref: OutputRef) -> Spender:
    """Return the output while no block spends it, else the transaction that did."""
    status = chain.ledger.outputs.get(ref)
    if isinstance(status, Unspent):
        return status
    by = chain.index.consumers.get(ref)
    if by is None:
        return Unknown(f"the output {ref} is not on this chain")
    entry = chain.index.entries[by]
    block = chain.blocks[entry.place.height].block
    transaction = entry.transaction
    return SpentBy(
        transaction_id=by,
        block=InBlock(block.point, block.height),
        inputs=consumed_by(transaction, succeeded=transaction.is_valid),
        outputs=produced_by(transaction, succeeded=transaction.is_valid),
    )
