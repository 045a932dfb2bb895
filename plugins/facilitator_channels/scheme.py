"""``batch-settlement`` as a scheme: channels that are paid from by IOUs.

A resource server has it judge vouchers, and settle what opens, tops up, redeems from or ends a
channel. It holds no key.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from facilitator.plugin import (
    Answer,
    ChainUnavailable,
    Clock,
    Origin,
    PaymentRequest,
    Reason,
    Refused,
    SchemeChain,
    SchemePayment,
    Settings,
    UniqueTerms,
    Verified,
)
from facilitator.plugin import Claim as StoredClaim
from facilitator.x402.fee_sponsor import ACCEPTS_WITNESSES
from facilitator_channels.agreed import agree
from facilitator_channels.binding import check_config
from facilitator_channels.channel import Validator
from facilitator_channels.claim import check_names
from facilitator_channels.extra import read_extra
from facilitator_channels.following import ChannelFollower
from facilitator_channels.messages import Claim, Deposit, Promise, Refund, read_message
from facilitator_channels.opening import check_opening, read_made
from facilitator_channels.payment import Content, make_payment
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.records import answer_from, record_claim, record_deposit, record_refund
from facilitator_channels.refund import add_signature, count_refunded
from facilitator_channels.shape import check_moves_money_alone
from facilitator_channels.sponsored import require_sponsor, with_sponsor
from facilitator_channels.verdicts import Case, judge_landed, judge_message

T = TypeVar("T")


class ChannelScheme:
    """Implements ``Scheme``, ``DeclaresReasons`` and ``VerifiesLanded``."""

    is_prompt = True
    """It waits for nothing but the chain, whose time is limited."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        chains: Mapping[str, SchemeChain],
        validators: Mapping[bytes, Validator],
    ) -> None:
        """Serve the channels of these validators, by script hash, on these chains."""
        self._settings = settings
        self._chains = chains
        self._validators = validators
        self._clock = clock
        self._follower = ChannelFollower()

    def kind(self, network: str) -> Mapping[str, Any] | None:
        """Return that it adds the signature of a sponsor: the draft has nothing further."""
        return {ACCEPTS_WITNESSES: True} if network in self._chains else None

    def reasons(self) -> Collection[str]:
        """Return the draft's reasons, for the OpenAPI document."""
        return list(ChannelReason)

    def read(self, request: PaymentRequest, origin: Origin) -> SchemePayment:
        """Return the message, with its transaction decoded."""
        terms = agree(request, self._settings)
        message = read_message(request.payload)
        if isinstance(message, Claim):
            return make_payment(terms, origin, Content(message, None))
        extra = read_extra(terms.requirements, self._validators)
        payment = make_payment(terms, origin, Content(message, extra))
        return with_sponsor(payment, request.payload)

    def prepare(self, payment: SchemePayment) -> SchemePayment:
        """Return the payment with its record, a refund with the provider's signature too.

        Nothing else of the received bytes is changed.
        """
        content: Content = payment.content
        match content.message:
            case Promise():
                raise Refused(
                    ChannelReason.PAYLOAD_TYPE,
                    "a voucher settles at the resource server: a later claim redeems it",
                )
            case Deposit(amount=amount):
                require_sponsor(content)
                record = self._record_deposit(payment, content, amount)
            case Refund(voucher=voucher, provider_witness=witness):
                require_sponsor(content)
                signed = add_signature(content.tx, witness, content.extra.receiver_authorizer)
                content = content._replace(transaction=signed)
                refunded = count_refunded(signed, payment.terms)
                record = record_refund(voucher.channel_id, voucher.amount, refunded)
            case Claim(claims=claims):
                record = record_claim(claims)
        content = content._replace(is_prepared=True)
        return replace(payment, transaction=content.tx.raw, record=record, content=content)

    def _record_deposit(self, payment: SchemePayment, content: Content, amount: int) -> bytes:
        """Return the record, empty while the parameters are not known: :meth:`check` says so."""
        channel = read_made(content.tx, content.validator)
        chain = self._chains[payment.terms.network.id]
        try:
            price = chain.provider.parameters().coins_per_utxo_byte
        except ChainUnavailable:
            return b""
        return record_deposit(channel, amount, price)

    def check(self, payment: SchemePayment) -> None:
        """Check what needs neither the chain nor its parameters."""
        content: Content = payment.content
        message, terms = content.message, payment.terms
        with _naming(content.payer):
            if isinstance(message, Claim):
                if not content.is_prepared:
                    raise Refused(
                        ChannelReason.PAYLOAD_TYPE, "a claim goes to /settle, without /verify"
                    )
                check_names(message)
                check_moves_money_alone(content.tx, terms.network, ChannelReason.CLAIM_TRANSACTION)
                return
            check_config(message.config, terms, content.extra)
            if isinstance(message, Deposit):
                if message.voucher.channel_ref is None:
                    check_opening(content.tx, message, terms, content.validator)
                else:
                    reason = ChannelReason.DEPOSIT_TRANSACTION
                    check_moves_money_alone(content.tx, terms.network, reason)
            if content.is_prepared and not payment.record:
                raise Refused(
                    Reason.CHAIN_LOOKUP_FAILED, "the protocol parameters are not known, try again"
                )

    def unique_terms(self, payment: SchemePayment) -> UniqueTerms | None:  # noqa: ARG002
        """Return ``None``: the resource server counts what it was paid."""
        return None

    def verify(self, payment: SchemePayment) -> Verified:
        """Return the consumer's key hash, of a claim the provider's, and the channel's state."""
        return self._judge(payment, judge_message)

    def verify_landed(self, payment: SchemePayment) -> Mapping[str, Any]:
        """Return the state of a deposit's channel as it is by now."""
        return self._judge(payment, judge_landed)

    def _judge(self, payment: SchemePayment, judge: Callable[[Case], T]) -> T:
        content: Content = payment.content
        chain = self._chains[payment.terms.network.id]
        now = self._clock.time()
        case = Case(payment, content, chain, self._validators, self._follower, now)
        with _naming(content.payer):
            return judge(case)

    def answer(self, claim: StoredClaim) -> Answer:
        """Return what was deposited, refunded or claimed, as the record has it."""
        return answer_from(claim)


@contextmanager
def _naming(payer: str | None) -> Iterator[None]:
    """Have a refusal name the payer."""
    try:
        yield
    except Refused as refused:
        refused.payer = refused.payer or payer
        raise
