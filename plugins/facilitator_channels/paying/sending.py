"""The messages of one purchase by channel.

The record is written before a message leaves, and no IOU is for more than was agreed to.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from facilitator.cardano.amounts import amount_in_words
from facilitator.plugin import CannotPay, OutcomeNotKnown, Paid, PayOrder, Presented
from facilitator_channels.channel import Channel
from facilitator_channels.client.channel import Status, next_amount
from facilitator_channels.paying.deposits import Step
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.making import end, opening, top_up
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.messages import deposit_payload, refund_payload, voucher_payload
from facilitator_channels.paying.page_channels import PageChannels
from facilitator_channels.paying.sponsored import with_offer
from facilitator_channels.paying.wanted import Page
from facilitator_channels.values import Iou


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


class Sender:
    """Sends what pays for a page, or asks for a refund, and returns the seller's answers.

    The methods raise :class:`CannotPay`, :class:`OutcomeNotKnown` and ``ChainUnavailable``.
    """

    def __init__(self, order: PayOrder, page: Page, means: Means, channels: PageChannels) -> None:
        """Send nothing yet."""
        self.page = page
        """The page by the requirements that hold now: the offer in them may change."""
        self.replaced: Entry | None = None
        """An opening by an offer that the seller has taken back."""
        self._order = order
        self._means = means
        self._channels = channels
        self._agreed = 0
        """The amount agreed to before this page: no IOU is for more than that and its price."""
        self._signed_now: set[int] = set()
        """The amounts that were signed for this page, in the channel that is paid from."""

    def begin(self) -> Entry | None:
        """Return the channel to pay from, if there is one."""
        entry = self._channels.find()
        self._agreed = 0 if entry is None else max(entry.signed, entry.channel.count)
        return entry

    def pay(self, entry: Entry | None) -> Sent:
        """Pay by the channel; open one if there is none, or it takes no more."""
        if entry is None or entry.channel.status is Status.CLOSED:
            return self._open()
        return self._send(entry)

    def refund(self, entry: Entry | None) -> Sent:
        """Ask the seller to end the channel."""
        if entry is None:
            raise CannotPay("this wallet has no open channel that pays for this page")
        entry, found = self._channels.look(entry)
        step = end(self.page, self._means, entry, found)
        entry, iou = self._sign(entry, entry.channel.count)
        self._order.report(f"asking for the refund by the transaction {step.id}")
        payload = refund_payload(entry.channel, iou, step.transaction)
        return Sent(entry, self._present(payload), step)

    def is_of_this_page(self, amount: int) -> bool:
        """Return True if an IOU for the amount was signed for this page alone."""
        return amount > self._agreed and amount in self._signed_now

    def agree(self, count: int) -> None:
        """Take over what the seller has charged before, as it has shown."""
        self._agreed = max(self._agreed, count)

    def words(self, amount: int) -> str:
        """Return the amount of the page's asset in words."""
        return amount_in_words(amount, self.page.asked.terms.requirements.asset)

    def _open(self) -> Sent:
        made = opening(self._order, self.page, self._means, self.replaced)
        self._agreed, self._signed_now = 0, set()  # amounts of another channel mean nothing here
        amount, delay = self.words(made.step.amount), self.page.asked.channel.withdraw_delay
        self._order.report(
            f"opening a channel with {amount} by the transaction {made.step.id}; without the seller"
            f" it ends {delay} seconds after its closing"
        )
        return self._send_opening(made.entry)

    def _present(
        self, payload: Mapping[str, Any], offer: Mapping[str, str] | None = None
    ) -> Presented:
        """Show the payment by the page's requirements, with the offer that it uses, if any."""
        accepted = with_offer(self.page.requirements, offer) if offer else self.page.requirements
        order = self._order
        if accepted == order.requirements or order.present_under is None:
            return order.present(payload)
        return order.present_under(payload, accepted)

    def _send_opening(self, entry: Entry) -> Sent:
        step = Step(entry.anchor.transaction_id.hex(), entry.opening, entry.deposit)
        entry, iou = self._sign(entry, entry.channel.count + self.page.price)
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
        entry, iou = self._sign(entry, next_amount(entry.channel, self.page.price))
        return Sent(entry, self._present(voucher_payload(entry.channel, iou)))

    def _is_short(self, entry: Entry) -> bool:
        return entry.channel.count + self.page.price > entry.channel.capacity

    def _top_up(self, entry: Entry, found: Channel) -> Sent:
        step = top_up(self._order, self.page, self._means, entry, found)
        self._order.report(
            f"topping the channel up with {self.words(step.amount)} by the transaction {step.id}"
        )
        entry, iou = self._sign(entry, entry.channel.count + self.page.price)
        payload = deposit_payload(entry.channel, iou, step.amount, step.transaction)
        return Sent(entry, self._present(payload), step)

    def _sign(self, entry: Entry, amount: int) -> tuple[Entry, Iou]:
        """Return an IOU, and the record that was written before it may leave.

        Raises :class:`OutcomeNotKnown` if the chain shows that the one for this page was redeemed.
        """
        if amount > self._agreed + self.page.price:
            raise OutcomeNotKnown(
                "the seller has redeemed the IOU for this page, and does not serve it: run it again"
                " if you are ready to pay for it again"
            )
        entry = self._channels.keep(entry.with_signed(amount))
        self._signed_now.add(amount)
        return entry, self._means.iou_signer(entry.channel.channel_id)(amount)
