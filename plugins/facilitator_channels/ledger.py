"""The ledger's verdict on a channel's transaction, in the draft's reasons."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.plugin import (
    MayBeOnChain,
    Reason,
    Refused,
    SchemeChain,
    SchemePayment,
    judge_transaction,
)
from facilitator_channels.reasons import ChannelReason

_NO_VERDICT = (Reason.CHAIN_LOOKUP_FAILED, Reason.PROTOCOL_VERSION_NOT_KNOWN)
"""The core's reasons that say nothing of the transaction."""


def judge(
    transaction: Transaction,
    payment: SchemePayment,
    chain: SchemeChain,
    now: float,
    reason: ChannelReason,
    future_signers: frozenset[bytes] = frozenset(),
) -> Mapping[OutputRef, Output]:
    """Return the outputs that the transaction refers to, if the ledger would accept it now.

    Raises like :func:`~facilitator.plugin.judge_transaction`, with ``reason`` for what the
    transaction is refused for.
    """
    with _named(reason):
        return judge_transaction(
            transaction,
            payment.terms,
            chain,
            now,
            client=payment.origin.client,
            future_signers=future_signers,
        )


@contextmanager
def _named(reason: ChannelReason) -> Iterator[None]:
    try:
        yield
    except MayBeOnChain as refused:
        raise MayBeOnChain(
            reason, refused.message, spent_by_itself=refused.spent_by_itself
        ) from None
    except Refused as refused:
        if refused.reason in _NO_VERDICT:
            raise
        if refused.reason is Reason.NETWORK_ID_MISMATCH:
            raise Refused(ChannelReason.NETWORK_MISMATCH, refused.message) from None
        raise Refused(reason, refused.message) from None
