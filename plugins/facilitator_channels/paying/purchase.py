"""One purchase by channel: what an answer does to the record, and what is sent after it.

The record is written before a message leaves, and again once its answer is there. A crash in
between leaves a count that is too low by one price at most. The seller's next answer corrects it,
with an IOU of this wallet for it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from facilitator.plugin import CannotPay, ChainUnavailable, Paid, PayOrder, Reason
from facilitator_channels.client.channel import (
    Distrusted,
    Status,
    corrected,
    settled,
    topped_up,
)
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.deposits import Step
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.finding import refresh
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.messages import read_correction, read_success
from facilitator_channels.paying.page_channels import PageChannels
from facilitator_channels.paying.sending import Sender, Sent
from facilitator_channels.paying.sponsored import REFUSAL, read_new_offer, with_offer
from facilitator_channels.paying.wanted import Page, read_page
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.request import BUSY, MISMATCH

ROUNDS = 4
"""Messages of one purchase at most: a seller cannot keep a payer busy."""
PAUSE_SECONDS = 1.0
"""Seconds after which a channel that the seller calls busy is tried again."""

_LOOK = (
    ChannelReason.CHANNEL_CLOSED,
    ChannelReason.CHANNEL_NOT_FOUND,
    ChannelReason.CHANNEL_STATE,
    ChannelReason.CUMULATIVE_EXCEEDS_BALANCE,
    ChannelReason.CUMULATIVE_BELOW_CLAIMED,
    ChannelReason.DEPOSIT_TRANSACTION,
    Reason.CHAIN_LOOKUP_FAILED,
)
"""Reasons after which a look at the chain may show another way."""


class Purchase:
    """A purchase, or what a payer takes back, by one channel. The book is locked meanwhile."""

    def __init__(self, order: PayOrder, page: Page, means: Means, book: Book) -> None:
        """Prepare to buy the page."""
        self._order = order
        self._means = means
        self._channels = PageChannels(page, means, book, order.server, order.report)
        self._sender = Sender(order, page, means, self._channels)

    def pay(self) -> Paid:
        """Buy the page."""
        sent = self._send(self._sender.pay)
        extra = read_success(sent.presented)
        return sent.failed if extra is None else self._charge(sent, extra)

    def take_back(self) -> Paid:
        """End the channel together with the seller."""
        sent = self._send(self._sender.refund)
        if read_success(sent.presented) is None or sent.step is None:
            return sent.failed
        self._keep(sent.entry.with_end())
        return Paid(sent.presented, sent.step.id, self._describe_refund(sent.entry, sent.step))

    def _send(self, send: Callable[[Entry | None], Sent]) -> Sent:
        """Send until the seller agrees or nothing else is worth it; return the last message.

        What cannot be sent after a first message is reported: the seller was shown that one.
        """
        sent = send(self._sender.begin())
        for _ in range(ROUNDS - 1):
            if read_success(sent.presented) is not None:
                break
            try:
                entry = self._go_on(sent)
                if entry is None:
                    break
                sent = send(entry)
            except (CannotPay, ChainUnavailable) as error:
                self._order.report(str(error))
                break
        return sent

    def _describe_refund(self, entry: Entry, step: Step) -> str:
        """Return what came back as far as the chain shows it: the seller may say anything."""
        amount = self._sender.words(step.amount)
        if self._channels.has_ended(entry):
            return f"{amount} came back"
        return (
            f"{amount} come back once the chain has the transaction {step.id}, which it does not"
            f" show yet; if it never does: facilitator channels withdraw {entry.id}"
        )

    def _charge(self, sent: Sent, extra: Mapping[str, Any]) -> Paid:
        """Count what the seller charges, if that is what was agreed."""
        entry, step = sent.entry, sent.step
        channel, before = entry.channel, entry.channel.count
        if channel.status is Status.OPENING:
            channel = replace(channel, channel_ref=str(entry.anchor), status=Status.OPEN)
        elif step is not None:
            channel = topped_up(channel, step.amount, f"{step.id}#0")
            entry = replace(entry, deposit=entry.deposit + step.amount)
        try:
            channel = settled(channel, self._sender.page.price, extra)
        except Distrusted as distrusted:
            self._order.report(f"the receipt is not taken over: {distrusted}")
        self._keep(entry.with_channel(channel))
        left = self._sender.words(channel.capacity - channel.count)
        paid = f"paid {self._sender.words(channel.count - before)}; the channel can pay {left} more"
        return Paid(sent.presented, step and step.id, paid)

    def _keep(self, entry: Entry) -> None:
        """Write the record after an answer that ends the purchase, which is not lost if it fails.

        The seller's next answer corrects the count.
        """
        try:
            self._channels.keep(entry)
        except CannotPay as error:
            self._order.report(str(error))

    def _go_on(self, sent: Sent) -> Entry | None:
        """Return the record with which another message is worth it; ``None`` if none is."""
        entry, refusal = sent.entry, sent.presented.refusal
        if refusal == BUSY:
            self._order.report("the seller still works for another request of this channel")
            time.sleep(PAUSE_SECONDS)
            return entry
        if refusal == MISMATCH:
            return self._correct(sent)
        is_by_offer = (refusal or "").startswith(REFUSAL)
        if refusal not in _LOOK and not is_by_offer:
            return None
        try:
            fresh = refresh(entry, self._means)
        except ChainUnavailable as error:
            self._order.report(f"the chain could not be asked: {error.detail}")
            return None
        if fresh != entry:
            return self._channels.keep(fresh)
        is_opening = entry.channel.status is Status.OPENING
        may_change = entry.offer is not None if is_opening else is_by_offer
        return self._take_new_offer(sent) if may_change else None

    def _take_new_offer(self, sent: Sent) -> Entry | None:
        """Return the record to go on with by the offer in the answer, or without one.

        An opening by an offer lacks the seller's signature, so that another may take its place:
        the record is as of a closed channel, and the one in the book stays till that is made.
        """
        before, entry = self._sender.page, sent.entry
        offer = read_new_offer(sent.presented.required, before.requirements)
        self._sender.page = read_page(with_offer(before.requirements, offer))
        if entry.channel.status is Status.OPENING:
            self._sender.replaced = entry
            return entry.with_channel(replace(entry.channel, status=Status.CLOSED))
        return None if self._sender.page.offer == before.offer else entry

    def _correct(self, sent: Sent) -> Entry | None:
        """Return the record with the seller's count, if an earlier IOU of this wallet shows it.

        An IOU that was signed for this page shows nothing: else a seller could count each that it
        gets, serve none, and ask for the next.
        """
        entry = sent.entry
        correction = read_correction(sent.presented, entry.channel.channel_id)
        if correction is None:
            return self._begin_again(entry)
        try:
            channel = corrected(entry.channel, *correction)
            shown = int(correction[1]["signedMaxClaimable"])
            if self._sender.is_of_this_page(shown):
                raise Distrusted(
                    "it shows no IOU but the one for this page, which it does not serve"
                )
        except Distrusted as distrusted:
            self._order.report(f"the seller's count is not taken over: {distrusted}")
            return None
        if channel == entry.channel:
            return None
        self._sender.agree(channel.count)
        self._order.report(
            f"the seller has charged {self._sender.words(channel.count)} in this channel"
        )
        return self._channels.keep(entry.with_channel(channel))

    def _begin_again(self, entry: Entry) -> Entry | None:
        """Return the record of an opening in doubt with no count: the seller knows of none."""
        if entry.channel.status is not Status.OPENING or not entry.channel.count:
            return None
        return self._channels.keep(entry.with_channel(replace(entry.channel, count=0)))
