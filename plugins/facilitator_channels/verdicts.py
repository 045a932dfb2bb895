"""The verdict on each message, once what needs no chain has been checked.

The functions raise :class:`Refused`, ``MayBeOnChain`` and ``ChainUnavailable``.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from facilitator.cardano.transaction import Output, OutputRef
from facilitator.plugin import (
    ChainUnavailable,
    MayBeOnChain,
    Refused,
    SchemeChain,
    SchemePayment,
    SponsoredTransaction,
    Terms,
    Unknown,
    Verified,
)
from facilitator_channels.binding import check_datum, constants_of
from facilitator_channels.channel import Channel, Validator, describe
from facilitator_channels.claim import check_claim
from facilitator_channels.datum import Constants
from facilitator_channels.following import ChannelFollower
from facilitator_channels.ledger import judge
from facilitator_channels.messages import ChannelConfig, Claim, Deposit, Promise, Refund, Voucher
from facilitator_channels.opening import check_reserve, read_made
from facilitator_channels.payment import Content
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.refund import check_collateral, check_other_inputs, check_refund
from facilitator_channels.sponsored import (
    check_sponsored_opening,
    check_sponsored_refund,
    check_sponsored_top_up,
    future_signers,
    sponsored,
    unsigned_inputs,
)
from facilitator_channels.top_up import check_top_up
from facilitator_channels.vouchers import check_voucher


class Case(NamedTuple):
    """A payment, and what it is judged by."""

    payment: SchemePayment
    content: Content
    chain: SchemeChain
    validators: Mapping[bytes, Validator]
    """The validators that are served, by script hash."""
    follower: ChannelFollower
    now: float
    """Unix time in seconds."""

    @property
    def terms(self) -> Terms:
        """The terms of the payment."""
        return self.payment.terms

    def sponsored(self, more: frozenset[bytes] = frozenset()) -> SponsoredTransaction | None:
        """Return the transaction with its sponsor's offer, if it uses one.

        ``more`` are hashes of further keys that are going to sign.
        """
        return sponsored(self.content, self.terms, self.chain.provider, more)

    @property
    def price(self) -> int:
        """Lovelace for each byte of an output."""
        return self.chain.provider.parameters().coins_per_utxo_byte


def judge_message(case: Case) -> Verified:
    """Return who pays, and the channel as it is before a transaction."""
    match case.content.message:
        case Promise(config, voucher):
            _, state = _judge_voucher(case, config, voucher, charge=case.terms.amount)
            return state
        case Deposit() as deposit if deposit.voucher.channel_ref is None:
            return _judge_opening(case, deposit)
        case Deposit() as deposit:
            return _judge_top_up(case, deposit)
        case Refund() as refund:
            return _judge_refund(case, refund)
        case Claim() as claim:
            return _judge_claim(case, claim)


def judge_landed(case: Case) -> Mapping[str, object]:
    """Return the state of a deposit's channel, which its voucher must still be good for.

    The deposit is in a block. The channel may have moved, closed or ended since.
    """
    message = case.content.message
    if not isinstance(message, Deposit):
        return {}
    made = read_made(case.content.tx, case.content.validator)
    voucher = replace(message.voucher, channel_ref=made.ref)
    _, verified = _judge_voucher(case, message.config, voucher, charge=case.terms.amount)
    return {"channelState": verified.extra}


def _judge_opening(case: Case, deposit: Deposit) -> Verified:
    tx, voucher, price = case.content.tx, deposit.voucher, case.price
    channel = read_made(tx, case.content.validator)
    check_reserve(channel, price)
    if (it := case.sponsored()) is not None:
        check_sponsored_opening(it, channel)
    outputs = _judge(case, ChannelReason.DEPOSIT_TRANSACTION, future_signers(case.content))
    unsigned = unsigned_inputs(case.content, outputs)
    capacity = channel.capacity(price)
    check_voucher(voucher, deposit.config, capacity=capacity, subbed=0, charge=case.terms.amount)
    state = describe(voucher.channel_id, None, capacity, 0)
    return _verified(deposit.config, state)._replace(unsigned=unsigned)


def _judge_top_up(case: Case, deposit: Deposit) -> Verified:
    tx, voucher, price = case.content.tx, deposit.voucher, case.price
    channel = _find_channel(case, deposit.config, voucher)
    signers = future_signers(case.content)
    _check_spends(case, channel, ChannelReason.DEPOSIT_TRANSACTION, signers)
    after = check_top_up(tx, deposit, channel)
    check_reserve(after, price)
    if (it := case.sponsored()) is not None:
        check_sponsored_top_up(it)
    outputs = _judge(case, ChannelReason.DEPOSIT_TRANSACTION, signers)
    unsigned = unsigned_inputs(case.content, outputs)
    check_voucher(
        voucher,
        deposit.config,
        capacity=after.capacity(price),
        subbed=channel.subbed,
        charge=case.terms.amount,
    )
    return _verified(deposit.config, channel.state(price))._replace(unsigned=unsigned)


def _judge_refund(case: Case, refund: Refund) -> Verified:
    tx, voucher = case.content.tx, refund.voucher
    channel, verified = _judge_voucher(case, refund.config, voucher, charge=0)
    provider = channel.constants.provider
    providers = frozenset() if case.content.is_prepared else frozenset({provider})
    signers = providers | future_signers(case.content)
    _check_spends(case, channel, ChannelReason.REFUND_TRANSACTION, signers)
    check_refund(tx, channel, voucher.amount - channel.subbed, case.terms)
    if (it := case.sponsored(providers)) is not None:
        check_sponsored_refund(it)
    outputs = _judge(case, ChannelReason.REFUND_TRANSACTION, signers)
    check_other_inputs(tx, channel, outputs)
    check_collateral(tx, outputs, provider)
    unsigned_inputs(case.content, outputs)
    return verified


def _judge_claim(case: Case, claim: Claim) -> Verified:
    tx = case.content.tx
    outputs = _judge(case, ChannelReason.CLAIM_TRANSACTION)
    return Verified(check_claim(tx, claim, outputs, case.validators).hex())


def _judge_voucher(
    case: Case, config: ChannelConfig, voucher: Voucher, *, charge: int
) -> tuple[Channel, Verified]:
    channel = _find_channel(case, config, voucher)
    price = case.price
    check_voucher(
        voucher,
        config,
        capacity=channel.capacity(price),
        subbed=channel.subbed,
        charge=charge,
    )
    return channel, _verified(config, channel.state(price))


def _find_channel(case: Case, config: ChannelConfig, voucher: Voucher) -> Channel:
    """Return the channel where it is now, opened and as the client says it is."""
    validator, tag = case.content.validator, voucher.channel_id
    constants = constants_of(config, tag, case.terms.asset)
    channel = _follow(case, voucher, validator, constants)
    check_datum(channel.datum, validator, config, tag, case.terms)
    if not channel.is_opened:
        raise Refused(
            ChannelReason.CHANNEL_CLOSED, f"the channel at {channel.ref} is closed or settled"
        )
    return channel


def _follow(case: Case, voucher: Voucher, validator: Validator, constants: Constants) -> Channel:
    assert voucher.channel_ref is not None  # noqa: S101 -- only an opening has none
    found = case.follower.follow(
        case.chain.outputs,
        case.chain.provider,
        voucher.channel_ref,
        validator,
        constants,
        lambda channel: (
            channel.redeemable(voucher.amount, case.price),
            channel.redeemable_until,
        ),
    )
    if isinstance(found, Channel):
        return found
    if isinstance(found, Unknown):
        raise ChainUnavailable(found.why)
    reason = ChannelReason.CHANNEL_NOT_FOUND
    if found.is_unreadable:
        reason = ChannelReason.CHANNEL_STATE
    if found.ended_by is not None and found.ended_by.transaction_id == case.payment.transaction_id:
        raise MayBeOnChain(reason, found.why, spent_by_itself=True)
    raise Refused(reason, found.why)


def _check_spends(
    case: Case,
    channel: Channel,
    reason: ChannelReason,
    future_signers: frozenset[bytes] = frozenset(),
) -> None:
    """Raise :class:`Refused` unless the transaction spends the channel where it is now.

    Its inputs are looked up before that: one that the chain does not know yet may be the channel,
    which has moved on since, and one that is spent may have been by this transaction.
    """
    if channel.ref not in case.content.tx.body.inputs:
        _judge(case, reason, future_signers)
        raise Refused(reason, f"the transaction does not spend the channel, now {channel.ref}")


def _judge(
    case: Case, reason: ChannelReason, future_signers: frozenset[bytes] = frozenset()
) -> Mapping[OutputRef, Output]:
    """Return the outputs that the transaction refers to, if the ledger would accept it now."""
    tx, payment = case.content.tx, case.payment
    return judge(tx, payment, case.chain, case.now, reason, future_signers)


def _verified(config: ChannelConfig, state: Mapping[str, object]) -> Verified:
    return Verified(config.payer.hex(), state)
