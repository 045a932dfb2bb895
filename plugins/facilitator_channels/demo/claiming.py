"""A claim as the demo's seller makes it: all that its IOUs promise, to its own wallet."""

from collections.abc import Mapping

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef
from facilitator.plugin import FacilitatorError, Unspent
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.paying.entry import read_reference
from facilitator_channels.paying.means import Means
from facilitator_channels.seller.claims import Batch
from facilitator_channels.seller.redeeming import SignedClaim
from facilitator_channels.transactions.steps import Redemption, claim
from facilitator_channels.validators import KNOWN


def build_claim(batch: Batch, means: Means) -> SignedClaim:
    """Return the claim of open channels, which the seller's wallet has built and signed.

    It takes whole IOUs, so all of each must have been charged. Raises
    :class:`~facilitator.plugin.FacilitatorError` otherwise, and ``ChainUnavailable``.
    """
    script_hash = bytes.fromhex(batch.terms.script_hash)
    validator = Validator(script_hash, KNOWN[script_hash])
    redemptions = []
    for each in batch.redemptions:
        if each.total_claimed != each.iou.amount or each.is_settlement:
            raise FacilitatorError("this claim redeems whole IOUs from open channels alone")
        channel = _channel(read_reference(each.channel_ref), validator, means)
        redemptions.append(Redemption(channel, each.iou.amount, each.iou.signature))
    ledger = means.ledger()
    script = means.script(script_hash, None)
    unsigned = claim(redemptions, script, means.purse(), ledger, valid_until=means.until(ledger))
    transaction = means.sign(unsigned)
    return SignedClaim(unsigned.id.hex(), transaction, _positions(transaction, validator))


def _channel(ref: OutputRef, validator: Validator, means: Means) -> Channel:
    status = means.chain.outputs([ref])[ref]
    if not isinstance(status, Unspent):
        raise FacilitatorError(f"the channel is not at {ref}")
    return read_channel(ref, status.output, validator)


def _positions(transaction: bytes, validator: Validator) -> Mapping[str, str]:
    """Return where the channels are after it, by their ids."""
    tx = decode_transaction(transaction)
    made = [
        read_channel(OutputRef(tx.id, index), output, validator)
        for index, output in enumerate(tx.body.outputs)
        if validator.owns(output)
    ]
    return {each.constants.tag.hex(): str(each.ref) for each in made}
