"""A seller that takes ``batch-settlement``: what a web server calls before and after its work.

It belongs to no web framework. Calls block; an asynchronous server makes them in a thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import orjson

from facilitator.plugin import Clock, Refused, SystemClock
from facilitator.seller.binding import Signature
from facilitator_channels.messages import Refund
from facilitator_channels.seller.answers import Answer, keep, settlement
from facilitator_channels.seller.asking import Settled, verify
from facilitator_channels.seller.facilitator import Facilitator
from facilitator_channels.seller.reading import SellerTerms, read_payment, read_terms
from facilitator_channels.seller.record import ChannelRecord, KeptAnswer, Kind
from facilitator_channels.seller.refund_signer import RefundSigner
from facilitator_channels.seller.refunds import ProviderKey, add_witness
from facilitator_channels.seller.renewing import Renewals
from facilitator_channels.seller.request import (
    ABOVE_BALANCE,
    BUSY,
    Admission,
    Admitted,
    ChannelRequest,
    Refusal,
)
from facilitator_channels.seller.sponsoring import ChannelSponsor
from facilitator_channels.seller.sponsorship import Sponsorship
from facilitator_channels.seller.steps import (
    admit,
    commit,
    drop,
    end,
    refuse_above,
    renew,
    reserve,
    sponsor,
)
from facilitator_channels.seller.store import Change, ChannelStore, Records, T
from facilitator_channels.seller.verification import ask, is_fresh
from facilitator_channels.values import ChannelView


@dataclass(frozen=True, slots=True)
class Serve:
    """A request that is paid once it is served: do the work, then call :meth:`Seller.after`."""

    request: ChannelRequest
    payment: Mapping[str, Any]
    requirements: Mapping[str, Any]
    sponsored: Signature | None = None
    """The seller's signature as a sponsor."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A request that is charged. Only now may its response leave."""

    settlement: Mapping[str, Any]
    """The settlement response, for the header ``PAYMENT-RESPONSE``."""


Before: TypeAlias = Serve | Answer | Refusal


class Seller:
    """Keeps the channels of one seller. Many threads, and many processes by one store, may use it.

    Every method raises :class:`~facilitator_channels.seller.store.StoreUnavailable`: nothing is
    to be served then.
    """

    def __init__(
        self,
        store: ChannelStore,
        facilitator: Facilitator,
        *,
        key: ProviderKey | None = None,
        clock: Clock | None = None,
        sponsor: ChannelSponsor | None = None,
    ) -> None:
        """Keep records in the store.

        ``key`` signs refunds, which are refused without it. ``sponsor`` pays for deposits and
        refunds.
        """
        self.records = Records(store)
        self._facilitator = facilitator
        self._sponsorship = Sponsorship(sponsor)
        self._signer = RefundSigner(self.records, key, self._sponsorship, self._now_ms)
        self._clock = clock or SystemClock()
        self._renewals = Renewals()

    def offered(self, requirements: Mapping[str, Any]) -> dict[str, Any]:
        """Return the requirements for an answer 402: with the sponsor's offer, if there is one."""
        return self._sponsorship.offer(requirements)

    def before(self, payment: Any, requirements: Mapping[str, Any]) -> Before:
        """Return what to do with a ``paymentPayload``, by the server's own requirements.

        ``payment`` is what the JSON of the header ``PAYMENT-SIGNATURE`` says, whatever that is.

        Raises :class:`ValueError` for requirements that no channel can pay.
        """
        asked = read_terms(requirements)
        try:
            request, message = read_payment(payment, asked)
        except Refused as refused:
            return Refusal(refused.reason, refused.message)
        serve = Serve(request, payment, requirements)
        record = self.records.read(request.channel_id)
        admission = admit(record, request, self._now_ms())
        if isinstance(admission, Admitted):
            agreed = self._sponsorship.agree(requirements, payment, message)
            if isinstance(agreed, Refusal):
                return agreed
            request = replace(request, opening_ref=self._sponsorship.opened_by(message, asked))
            serve = Serve(request, payment, agreed)
            admission = self._take(record, serve)
        if isinstance(admission, Refusal):
            return admission
        if isinstance(admission, KeptAnswer):
            return Answer(orjson.loads(admission.settlement), admission.response)
        signed = self._sponsorship.sign(serve.requirements, message, asked)
        if isinstance(signed, Refusal):
            self.cancel(serve)
            return signed
        serve = replace(serve, sponsored=signed)
        if isinstance(message, Refund):
            return self._refund(serve, message, asked)
        renewing = partial(self._change, request, lambda each: renew(each, request, self._now_ms()))
        self._renewals.add(request.id, request.lifetime_ms, renewing)
        return serve

    def after(self, serve: Serve, response: bytes, charge: int | None = None) -> Paid | Refusal:
        """Charge a request that was worked for; a deposit is settled before.

        ``response`` is kept, for a client that loses it; ``charge`` is the actual price, at most
        that of the requirements. After a :class:`Refusal` or an error the response must not leave.
        Raises :class:`ValueError` for a higher price; the request can then be cancelled.
        """
        request = serve.request
        price = request.price if charge is None else charge
        if not 0 <= price <= request.price:
            raise ValueError(f"a price of {price} is not within 0 and {request.price}")
        settled: Settled | None = None
        if request.kind is not Kind.VOUCHER:
            if not self._note_sponsored(serve):
                self.cancel(serve)
                return Refusal(BUSY, "another request has taken the channel meanwhile")
            found = self._sponsorship.settle(
                self._facilitator, request, serve.payment, serve.requirements, serve.sponsored
            )
            if isinstance(found, Refusal):
                self.cancel(serve)
                return found
            settled = found
        try:
            return self._commit(request, price, settled, response)
        finally:
            self._renewals.remove(request.id)

    def cancel(self, serve: Serve) -> None:
        """Free the channel of a request that is not served, and not charged."""
        request = serve.request
        self._renewals.remove(request.id)
        is_over = self._sponsorship.cancel(serve.sponsored)
        self._change(request, lambda each: drop(each, request, self._now_ms(), is_over=is_over))

    def close(self) -> None:
        """End the thread that renews reservations. The store stays open."""
        self._renewals.close()

    def _note_sponsored(self, serve: Serve) -> bool:
        """Note for good that the seller pays the reserve; return False if it must not."""
        request = serve.request
        if serve.sponsored is None or request.kind is not Kind.OPENING:
            return True
        return self.records.change(request.channel_id, lambda each: sponsor(each, request))

    def _take(self, record: ChannelRecord | None, serve: Serve) -> Admission:
        """Verify the request, and reserve its channel."""
        view = self._verify(record, serve)
        if isinstance(view, Refusal):
            return view

        def step(each: ChannelRecord | None) -> tuple[ChannelRecord | None, Admission]:
            return reserve(each, serve.request, view, self._now_ms())

        return self._change(serve.request, step)

    def _verify(self, record: ChannelRecord | None, serve: Serve) -> ChannelView | Refusal | None:
        """Return the channel as the facilitator sees it; ``None`` if the record is fresh enough."""
        request, now_ms = serve.request, self._now_ms()
        if request.kind is Kind.VOUCHER and record is not None and is_fresh(record, now_ms):
            if request.voucher.amount <= record.view.balance:
                return None
            if not self._change(request, lambda each: ask(each, now_ms)):
                return Refusal(ABOVE_BALANCE, refuse_above(record))
        return verify(self._facilitator, request, serve.payment, serve.requirements, now_ms)

    def _commit(
        self, request: ChannelRequest, charge: int, settled: Settled | None, response: bytes
    ) -> Paid | Refusal:
        def step(record: ChannelRecord | None) -> tuple[ChannelRecord | None, Paid | Refusal]:
            now_ms = self._now_ms()
            view = settled.view if settled else None
            seen = replace(view, seen_at=now_ms) if view else None
            after, result = commit(record, request, charge, seen, now_ms)
            if isinstance(result, Refusal):
                return after, result
            answer = settlement(request, result.record, charge, settled and settled.answer)
            if after is not None and after is not record:
                after = replace(after, answer=keep(request, answer, response, now_ms))
            return after, Paid(answer)

        return self.records.change(request.channel_id, step)

    def _refund(self, serve: Serve, message: Refund, asked: SellerTerms) -> Answer | Refusal:
        """Sign the refund and have it settled. From then on the channel is not served."""
        request = serve.request
        witness = self._signer.sign(request, message, asked)
        if isinstance(witness, Refusal):
            self.cancel(serve)
            return witness
        signed = add_witness(serve.payment, witness)
        settled = self._sponsorship.settle(
            self._facilitator, request, signed, serve.requirements, serve.sponsored
        )
        if isinstance(settled, Refusal):
            self.cancel(serve)
            return settled

        def step(record: ChannelRecord | None) -> tuple[ChannelRecord | None, Answer]:
            now_ms = self._now_ms()
            after, _ = end(record, now_ms)
            if after is None:
                return None, Answer(settled.answer, b"")
            answer = settlement(request, after, 0, settled.answer)
            return replace(after, answer=keep(request, answer, b"", now_ms)), Answer(answer, b"")

        return self.records.change(request.channel_id, step)

    def _change(self, request: ChannelRequest, step: Change[T]) -> T:
        """Make a step whose loss by a loss of power costs nothing: the process ends with it."""
        return self.records.change(request.channel_id, step, durable=False)

    def _now_ms(self) -> int:
        return round(self._clock.time() * 1000)
