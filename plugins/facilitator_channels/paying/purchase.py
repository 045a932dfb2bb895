"""One purchase by channel: what is sent, and what its answer does to the record.

The record is written before a message leaves, and again once its answer is there. A crash in
between leaves a count that is too low by one price at most. The seller's next answer corrects it,
with an IOU of this wallet for it.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from facilitator.cardano.amounts import amount_in_words
from facilitator.plugin import (
    CannotPay,
    ChainUnavailable,
    OutcomeNotKnown,
    Paid,
    PayOrder,
    Presented,
    Reason,
)
from facilitator_channels.channel import Channel
from facilitator_channels.client.channel import (
    Distrusted,
    Status,
    corrected,
    next_amount,
    settled,
    topped_up,
)
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.deposits import Step
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.finding import refresh
from facilitator_channels.paying.making import end, opening, top_up
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.messages import (
    deposit_payload,
    read_correction,
    read_success,
    refund_payload,
    voucher_payload,
)
from facilitator_channels.paying.page_channels import PageChannels
from facilitator_channels.paying.sponsored import REFUSAL, read_new_offer, with_offer
from facilitator_channels.paying.wanted import Page, read_page
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.request import BUSY, MISMATCH
from facilitator_channels.values import Iou

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


class Sent(NamedTuple):
    """A message and its answer."""

    entry: Entry
    """The record as it was when the message left."""
    presented: Presented
    step: Step | None = None
    """The transaction in it."""

    @property
    def failed(self) -> Paid:
        """The outcome if nothing more is tried."""
        return Paid(self.presented, self.step and self.step.id)


class Purchase:
    """A purchase, or what a payer takes back, by one channel. The book is locked meanwhile."""

    def __init__(self, order: PayOrder, page: Page, means: Means, book: Book) -> None:
        """Prepare to buy the page."""
        self._order = order
        self._page = page
        self._means = means
        self._channels = PageChannels(page, means, book, order.server, order.report)
        self._agreed = 0
        """The amount agreed to before this page: no IOU is for more than that and its price."""
        self._replaced: Entry | None = None
        """An opening by an offer that the seller has taken back."""
        self._signed_now: set[int] = set()
        """The amounts that were signed for this page, in the channel that is paid from."""

    def pay(self) -> Paid:
        """Buy the page."""
        entry = self._begin()
        for left in reversed(range(ROUNDS)):
            is_over = entry is None or entry.channel.status is Status.CLOSED
            sent = self._open() if entry is None or is_over else self._send(entry)
            extra = read_success(sent.presented)
            if extra is not None:
                return self._charge(sent, extra)
            entry = self._go_on(sent) if left else None
            if entry is None:
                break
        return sent.failed

    def take_back(self) -> Paid:
        """End the channel together with the seller."""
        entry = self._begin()
        if entry is None:
            raise CannotPay("this wallet has no open channel that pays for this page")
        for left in reversed(range(ROUNDS)):
            entry, found = self._channels.look(entry)
            step = end(self._page, self._means, entry, found)
            entry, iou = self._sign(entry, entry.channel.count)
            self._order.report(f"asking for the refund by the transaction {step.id}")
            payload = refund_payload(entry.channel, iou, step.transaction)
            sent = Sent(entry, self._present(payload), step)
            if read_success(sent.presented) is not None:
                self._channels.keep(entry.with_end())
                return Paid(sent.presented, step.id, self._describe_refund(entry, step))
            entry = self._go_on(sent) if left else None
            if entry is None:
                break
        return sent.failed

    def _describe_refund(self, entry: Entry, step: Step) -> str:
        """Return what came back as far as the chain shows it: the seller may say anything."""
        amount = self._words(step.amount)
        if self._channels.has_ended(entry):
            return f"{amount} came back"
        return (
            f"{amount} come back once the chain has the transaction {step.id}, which it does not"
            f" show yet; if it never does: facilitator channels withdraw {entry.id}"
        )

    def _begin(self) -> Entry | None:
        """Return the channel to pay from, if there is one."""
        entry = self._channels.find()
        self._agreed = 0 if entry is None else max(entry.signed, entry.channel.count)
        return entry

    # --- Messages --------------------------------------------------------------------------------

    def _open(self) -> Sent:
        made = opening(self._order, self._page, self._means, self._replaced)
        self._agreed, self._signed_now = 0, set()  # amounts of another channel mean nothing here
        amount, delay = self._words(made.step.amount), self._page.asked.channel.withdraw_delay
        self._order.report(
            f"opening a channel with {amount} by the transaction {made.step.id}; without the seller"
            f" it ends {delay} seconds after its closing"
        )
        return self._send_opening(made.entry)

    def _present(
        self, payload: Mapping[str, Any], offer: Mapping[str, str] | None = None
    ) -> Presented:
        """Show the payment by the page's requirements, with the offer that it uses, if any."""
        accepted = with_offer(self._page.requirements, offer) if offer else self._page.requirements
        order = self._order
        if accepted == order.requirements or order.present_under is None:
            return order.present(payload)
        return order.present_under(payload, accepted)

    def _send_opening(self, entry: Entry) -> Sent:
        step = Step(entry.anchor.transaction_id.hex(), entry.opening, entry.deposit)
        entry, iou = self._sign(entry, entry.channel.count + self._page.price)
        payload = deposit_payload(entry.channel, iou, step.amount, step.transaction)
        return Sent(entry, self._present(payload, entry.offer), step)

    def _send(self, entry: Entry) -> Sent:
        """Send a voucher; the opening if that is in doubt; a top-up if the balance is short."""
        if entry.channel.status is Status.OPENING:
            self._order.report("the opening is in doubt: sending it again")
            return self._send_opening(entry)
        if self._is_short(entry):
            entry, found = self._channels.look(entry)  # an earlier top-up may have landed
            if self._is_short(entry):
                return self._top_up(entry, found)
        entry, iou = self._sign(entry, next_amount(entry.channel, self._page.price))
        return Sent(entry, self._present(voucher_payload(entry.channel, iou)))

    def _is_short(self, entry: Entry) -> bool:
        return entry.channel.count + self._page.price > entry.channel.capacity

    def _top_up(self, entry: Entry, found: Channel) -> Sent:
        step = top_up(self._order, self._page, self._means, entry, found)
        self._order.report(
            f"topping the channel up with {self._words(step.amount)} by the transaction {step.id}"
        )
        entry, iou = self._sign(entry, entry.channel.count + self._page.price)
        payload = deposit_payload(entry.channel, iou, step.amount, step.transaction)
        return Sent(entry, self._present(payload), step)

    def _sign(self, entry: Entry, amount: int) -> tuple[Entry, Iou]:
        """Return an IOU, and the record that was written before it may leave.

        Raises :class:`OutcomeNotKnown` if the chain shows that the one for this page was redeemed.
        """
        if amount > self._agreed + self._page.price:
            raise OutcomeNotKnown(
                "the seller has redeemed the IOU for this page, and does not serve it: run it again"
                " if you are ready to pay for it again"
            )
        entry = self._channels.keep(entry.with_signed(amount))
        self._signed_now.add(amount)
        return entry, self._means.iou_signer(entry.channel.channel_id)(amount)

    # --- Answers ---------------------------------------------------------------------------------

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
            channel = settled(channel, self._page.price, extra)
        except Distrusted as distrusted:
            self._order.report(f"the receipt is not taken over: {distrusted}")
        self._channels.keep(entry.with_channel(channel))
        left = self._words(channel.capacity - channel.count)
        paid = f"paid {self._words(channel.count - before)}; the channel can pay {left} more"
        return Paid(sent.presented, step and step.id, paid)

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
        before, entry = self._page, sent.entry
        offer = read_new_offer(sent.presented.required, before.requirements)
        self._page = read_page(with_offer(before.requirements, offer))
        if entry.channel.status is Status.OPENING:
            self._replaced = entry
            return entry.with_channel(replace(entry.channel, status=Status.CLOSED))
        return None if self._page.offer == before.offer else entry

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
            if shown > self._agreed and shown in self._signed_now:
                raise Distrusted(
                    "it shows no IOU but the one for this page, which it does not serve"
                )
        except Distrusted as distrusted:
            self._order.report(f"the seller's count is not taken over: {distrusted}")
            return None
        if channel == entry.channel:
            return None
        self._agreed = max(self._agreed, channel.count)
        self._order.report(f"the seller has charged {self._words(channel.count)} in this channel")
        return self._channels.keep(entry.with_channel(channel))

    def _begin_again(self, entry: Entry) -> Entry | None:
        """Return the record of an opening in doubt with no count: the seller knows of none."""
        if entry.channel.status is not Status.OPENING or not entry.channel.count:
            return None
        return self._channels.keep(entry.with_channel(replace(entry.channel, count=0)))

    def _words(self, amount: int) -> str:
        return amount_in_words(amount, self._page.asked.terms.requirements.asset)
