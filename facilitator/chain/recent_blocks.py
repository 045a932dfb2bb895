"""The status of a claim's transaction, by providers that know recent blocks alone as well."""

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.roles.chain import ChainProvider, NotFound, Spent, TransactionStatus, Unspent
from facilitator.roles.chain_errors import NotFoundSince
from facilitator.roles.claim import Claim


def status_of(chain: ChainProvider, claim: Claim) -> TransactionStatus:
    """Return the status of the claim's transaction.

    An older block than the provider knows cannot hold it while the chain has an input of it
    unspent, or spent by another. The time of the claim proves nothing: it is by the clock of
    another machine. Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
    """
    try:
        return chain.transaction(claim.transaction_id)
    except NotFoundSince:
        inputs = decode_any_era(claim.transaction).body.inputs
        for status in chain.outputs(inputs).values():
            if isinstance(status, Unspent):
                return NotFound()
            if isinstance(status, Spent) and status.by not in (None, claim.transaction_id):
                return NotFound()
        raise
