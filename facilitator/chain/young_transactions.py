"""The status of transactions that are known to be young, by providers of recent blocks alone."""

from facilitator.roles.chain import ChainProvider, NotFound, TransactionStatus
from facilitator.roles.chain_errors import NotFoundSince

_LATE_SECONDS = 25.0
"""Seconds after its slot in which a block may still come, clocks that differ included."""


def status_since(chain: ChainProvider, transaction_id: str, since: float) -> TransactionStatus:
    """Return the status of a transaction that no block held before ``since`` (Unix seconds).

    So a provider need not know older blocks. Raises
    :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
    """
    try:
        return chain.transaction(transaction_id)
    except NotFoundSince as error:
        if chain.eras().start_ms(error.slot) / 1000 + _LATE_SECONDS < since:
            return NotFound()
        raise
