"""A payment of the scheme: its message, and what the core needs of its transaction."""

from dataclasses import astuple
from typing import NamedTuple

import cbor2

from facilitator.cardano.transaction import Transaction
from facilitator.plugin import NO_END, Origin, Refused, SchemePayment, Terms
from facilitator.x402.fee_sponsor import FeeSponsorOffer
from facilitator_channels.channel import Validator
from facilitator_channels.extra import ChannelTerms
from facilitator_channels.messages import Claim, Deposit, Message, Promise, Refund
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.shape import decode

_MAX_FEE = 2**63 - 1
"""More lovelace than there is."""
_KINDS = (Deposit, Refund, Claim)
_REASONS = {
    Deposit: ChannelReason.DEPOSIT_TRANSACTION,
    Refund: ChannelReason.REFUND_TRANSACTION,
    Claim: ChannelReason.CLAIM_TRANSACTION,
}


class Content(NamedTuple):
    """The scheme's own part of a payment."""

    message: Message
    channel_terms: ChannelTerms | None
    """``None`` for a claim, whose requirements have no ``extra``."""
    transaction: Transaction | None = None
    """``None`` for a voucher."""
    is_prepared: bool = False
    """True for ``/settle``."""
    sponsor: FeeSponsorOffer | None = None
    """The resource server's offer that the transaction uses."""

    @property
    def tx(self) -> Transaction:
        """The transaction of a message that has one."""
        assert self.transaction is not None  # noqa: S101 -- narrows the type
        return self.transaction

    @property
    def extra(self) -> ChannelTerms:
        """The channel that the requirements of another message than a claim ask for."""
        assert self.channel_terms is not None  # noqa: S101 -- narrows the type
        return self.channel_terms

    @property
    def validator(self) -> Validator:
        """The validator of that channel."""
        return self.extra.validator

    @property
    def payer(self) -> str | None:
        """The consumer's key hash, as the client says it; ``None`` for a claim."""
        return None if isinstance(self.message, Claim) else self.message.config.payer.hex()


def make_payment(terms: Terms, origin: Origin, content: Content) -> SchemePayment:
    """Return the payment, its transaction decoded. Raises :class:`Refused`."""
    message = content.message
    if isinstance(message, Promise):
        return SchemePayment(terms, origin=origin, content=content)
    reason = _REASONS[type(message)]
    tx = decode(message.transaction, reason)
    end = tx.body.invalid_hereafter
    if not tx.body.inputs or tx.body.fee > _MAX_FEE:
        raise Refused(reason, "the transaction has no input, or a fee that is no amount of ADA")
    return SchemePayment(
        terms=terms,
        transaction_id=tx.id.hex(),
        transaction=tx.raw,
        inputs=frozenset(map(str, tx.body.inputs)),
        invalid_hereafter=NO_END if end is None else end,
        statement=_statement(message),
        fee=tx.body.fee,
        origin=origin,
        content=content._replace(transaction=tx),
    )


def _statement(message: Deposit | Refund | Claim) -> bytes:
    """Return what the message says beside its transaction: above all the IOU.

    Nothing of where the channel was once, and no signature that the resource server adds.
    """
    said: list[object] = [_KINDS.index(type(message))]
    if isinstance(message, Claim):
        said += [astuple(each) for each in message.claims]
    else:
        voucher = message.voucher
        said += [astuple(message.config), voucher.channel_id, voucher.amount, voucher.signature]
    if isinstance(message, Deposit):
        said += [message.amount, message.voucher.channel_ref is None]
    return cbor2.dumps(said)
