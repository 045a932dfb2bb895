"""The transactions by which a payer opens a channel, adds to it and ends it, each signed."""

from typing import NamedTuple

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Body, OutputRef
from facilitator.plugin import CannotPay, OfferNotUsed
from facilitator_channels.binding import constants_of
from facilitator_channels.channel import Channel
from facilitator_channels.client.channel import ClientChannel, size_deposit
from facilitator_channels.iou import derive_tag
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.sponsored import choose_companion, choose_own, until
from facilitator_channels.paying.wanted import Page
from facilitator_channels.reserve import compute_reserve, held
from facilitator_channels.transactions.channel import channel_address
from facilitator_channels.transactions.plan import CannotBuild, Purse
from facilitator_channels.transactions.sponsored import (
    Sponsor,
    add_sponsored,
    open_sponsored,
    refund_sponsored,
)
from facilitator_channels.transactions.steps import add_to_channel, open_channel, refund
from facilitator_channels.transactions.wire import Unsigned


class Step(NamedTuple):
    """A transaction of a channel, ready to be sent."""

    id: str
    """Its id, lowercase hex."""
    transaction: bytes
    amount: int
    """Units of the asset that it puts into the channel, or brings back from it."""


class NewChannel(NamedTuple):
    """An opening, before anything is sent."""

    entry: Entry
    step: Step


def make_opening(
    page: Page,
    deposit: int | None,
    server: str,
    means: Means,
    sponsor: Sponsor | None = None,
    first: OutputRef | None = None,
) -> NewChannel:
    """Return an opening that can pay ``deposit`` beside its reserve, by default ten prices.

    A ``sponsor`` pays the reserve and the fee. The opening spends ``first``, which gives the
    channel its tag; without one an output of the wallet is chosen. Raises :class:`CannotPay` if
    that cannot be, ``OfferNotUsed`` if it cannot be with the sponsor, and ``ChainUnavailable``.
    """
    ledger, purse = means.ledger(), means.purse()
    beside = _at_least(page.price, deposit)
    own = choose_own(page, purse, beside, first) if sponsor else None
    first = first or (next(iter(own.utxo)) if own else _first(page, purse))
    tag = derive_tag(first)
    config = page.config(means.payer, bytes(means.key(tag).verify_key))
    constants = constants_of(config, tag, page.asset)
    own_hash, codec = page.validator
    price = ledger.parameters.coins_per_utxo_byte
    address = channel_address(own_hash, ledger.network_id)
    reserve = compute_reserve(address, own_hash, constants, codec, price)
    amount = beside + (reserve if page.asset is None else 0)
    short = page.asked.least_deposit - amount
    if short > 0:
        raise CannotPay(
            f"the seller opens no channel with less than {page.asked.least_deposit}: say with"
            f" --deposit {beside + short} that you put in so much"
        )
    try:
        if sponsor and own:
            unsigned = open_sponsored(
                constants, amount, page.validator, own, sponsor, ledger,
                valid_until=until(page, means),
            )  # fmt: skip
        else:
            unsigned = open_channel(
                constants, amount, first, page.validator, purse, ledger,
                valid_until=means.until(ledger),
            )  # fmt: skip
    except CannotBuild as error:
        if sponsor:
            raise OfferNotUsed(str(error)) from None
        raise CannotPay(f"no channel can be opened: {error}") from None
    step = _signed(unsigned, amount, means)
    inputs = tuple([str(ref) for ref in sorted(_body(step).inputs)])
    network, script_hash = page.asked.terms.network.id, own_hash.hex()
    channel = ClientChannel(tag, network, script_hash, config, inputs, capacity=beside)
    anchor = OutputRef(bytes.fromhex(step.id), 0)
    offer = page.offer if sponsor else None
    entry = Entry(channel, server, anchor, deposit=amount, opening=step.transaction, offer=offer)
    return NewChannel(entry, step)


def make_top_up(
    page: Page,
    entry: Entry,
    found: Channel,
    deposit: int | None,
    means: Means,
    sponsor: Sponsor | None = None,
) -> Step:
    """Return a top-up of the channel, with which it can pay for the page.

    A ``sponsor`` pays the fee. Raises :class:`CannotPay` if that cannot be, ``OfferNotUsed`` if it
    cannot be with the sponsor, and ``ChainUnavailable``.
    """
    ledger = means.ledger()
    channel = entry.channel
    short = channel.count + page.price - channel.capacity
    amount = max(_at_least(page.price, deposit), short if deposit is None else 0)
    if amount < short:
        raise CannotPay(f"the channel needs {short} more for this page, and --deposit is {deposit}")
    script = means.script(page.validator.script_hash, page.reference)
    purse = means.purse()
    try:
        if sponsor:
            own = choose_own(page, purse, amount)
            unsigned = add_sponsored(
                found, amount, script, own, sponsor, ledger, valid_until=until(page, means)
            )
        else:
            unsigned = add_to_channel(
                found, amount, script, purse, ledger, valid_until=means.until(ledger)
            )
    except CannotBuild as error:
        if sponsor:
            raise OfferNotUsed(str(error)) from None
        raise CannotPay(f"the channel cannot be topped up: {error}") from None
    return _signed(unsigned, amount, means)


def make_refund(
    page: Page, entry: Entry, found: Channel, means: Means, sponsor: Sponsor | None = None
) -> Step:
    """Return the end of the channel, which pays the seller all that was charged.

    A ``sponsor`` has paid the reserve, which goes back there, and gives the collateral. Raises
    :class:`CannotPay` if that cannot be, ``OfferNotUsed`` if the wallet has no output for it, and
    ``ChainUnavailable``.
    """
    ledger = means.ledger()
    script = means.script(page.validator.script_hash, page.reference)
    pay_to = page.asked.terms.pay_to
    count = max(entry.channel.count, found.subbed)  # the seller corrects a count that is too low
    purse, had = means.purse(), 0
    try:
        if sponsor:
            own = choose_companion(purse)
            had = sum(held(each, found.constants) for each in own.utxo.values())
            unsigned = refund_sponsored(
                found, count, script, own, sponsor, ledger, valid_until=until(page, means)
            )
        else:
            unsigned = refund(
                found, count, pay_to, script, purse, ledger, valid_until=means.until(ledger)
            )
    except CannotBuild as error:
        raise CannotPay(
            f"the channel cannot be ended together with the seller now: {error}; without the"
            f" seller: facilitator channels withdraw {entry.id}"
        ) from None
    step = _signed(unsigned, 0, means)
    back = [each for each in _body(step).outputs if each.address == means.wallet.address]
    return step._replace(amount=sum(held(each, found.constants) for each in back) - had)


def _at_least(price: int, deposit: int | None) -> int:
    """Return the units to put in. Raises :class:`CannotPay` if they pay for nothing."""
    if deposit is not None and deposit < price:
        raise CannotPay(f"--deposit {deposit} does not pay for one page, which costs {price}")
    return size_deposit(price) if deposit is None else deposit


def _first(page: Page, purse: Purse) -> OutputRef:
    """Return the output that gives the channel its tag: the richest one."""
    if not purse.utxo:
        raise CannotPay("the wallet has no outputs that it can spend: have it funded")

    def worth(ref: OutputRef) -> tuple[int, int]:
        value = purse.utxo[ref].value
        return value.assets.get(page.asset or b"", 0), value.lovelace

    return max(sorted(purse.utxo), key=worth)


def _signed(unsigned: Unsigned, amount: int, means: Means) -> Step:
    return Step(unsigned.id.hex(), means.sign(unsigned), amount)


def _body(step: Step) -> Body:
    return decode_transaction(step.transaction).body
