"""The transactions of a purchase: by the seller's offer where there is one, else without (C5)."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from facilitator.plugin import CannotPay, OfferNotUsed, PayOrder
from facilitator_channels.channel import Channel
from facilitator_channels.paying.deposits import (
    NewChannel,
    Step,
    make_opening,
    make_refund,
    make_top_up,
)
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.sponsored import look_for_sponsor
from facilitator_channels.paying.wanted import Page
from facilitator_channels.transactions.sponsored import Sponsor

T = TypeVar("T")


def opening(order: PayOrder, page: Page, means: Means, replaced: Entry | None) -> NewChannel:
    """Return an opening. Raises :class:`CannotPay` and ``ChainUnavailable``.

    One that takes the place of another spends the same output of the wallet's, so that only one of
    the two can land.
    """
    first = None if replaced is None else replaced.first_input
    build = partial(make_opening, page, order.deposit, order.server, means)
    words = "the seller pays the fee and the reserve"
    by_offer, plain = partial(build, first=first), partial(build, None, first)
    made = _by_offer_or_plain(order, page, means, words, by_offer, plain)
    signed = 0 if replaced is None else replaced.signed
    return made._replace(entry=made.entry.with_signed(signed))


def top_up(order: PayOrder, page: Page, means: Means, entry: Entry, found: Channel) -> Step:
    """Return a top-up. Raises :class:`CannotPay` and ``ChainUnavailable``."""
    build = partial(make_top_up, page, entry, found, order.deposit, means)
    return _by_offer_or_plain(order, page, means, "the seller pays the fee", build, build)


def end(page: Page, means: Means, entry: Entry, found: Channel) -> Step:
    """Return a refund. Raises :class:`CannotPay` and ``ChainUnavailable``."""
    if entry.offer is None:
        return make_refund(page, entry, found, means)
    try:
        return make_refund(page, entry, found, means, look_for_sponsor(page, means))
    except OfferNotUsed as error:
        raise CannotPay(
            "the seller has paid the reserve of this channel and must take part in its end; it does"
            f" not offer to ({error.why or 'there is no offer'}): try again later; without the"
            f" seller: facilitator channels withdraw {entry.id}"
        ) from None


def _by_offer_or_plain(
    order: PayOrder,
    page: Page,
    means: Means,
    words: str,
    by_offer: Callable[[Sponsor], T],
    plain: Callable[[], T],
) -> T:
    """Return what is made by the seller's offer, else what is made without; say which of both."""
    try:
        made = by_offer(look_for_sponsor(page, means))
    except OfferNotUsed as error:
        why = error.why
    else:
        order.report(words)
        return made
    if why:
        order.report(f"the seller's offer to pay the fee is not used: {why}")
    return plain()
