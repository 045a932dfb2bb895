"""The signer: makes payments that a facilitator would settle."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.client.errors import CannotPay
from facilitator.client.presenting import encode_header, write_payment
from facilitator.client.sponsored import OfferNotUsed, find_offer, look_up_offered, sign_sponsored
from facilitator.client.transaction import Amount, sign_payment
from facilitator.clock import Clock
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.exact.terms import TermsPolicy, agree_terms
from facilitator.exact.verification import Verifier
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.roles.wallet import Wallet, WalletChain
from facilitator.x402.messages import BadMessage, PaymentRequest, parse_payment_request
from facilitator.x402.reasons import Reason

_VALID_FOR = 0.9
"""Share of the time that the server allows, so that a clock a little ahead does no harm."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A payment that is ready to be presented."""

    header: str
    """The value of ``PAYMENT-SIGNATURE``."""
    transaction_id: str
    """Lowercase hex."""
    inputs: frozenset[OutputRef]
    transaction: bytes
    """Its CBOR."""
    is_sponsored: bool = False
    """True if the server pays the fee."""
    why_plain: str = ""
    """The reason why its offer to pay the fee is not used; empty if it made none."""


@dataclass(frozen=True, slots=True)
class _Built:
    """A signed transaction that is not verified yet."""

    transaction: bytes
    nonce: OutputRef | None = None
    """An input of the payer's; ``None`` for the first input."""


class Signer:
    """A wallet that signs payments on one network."""

    def __init__(self, network: str, wallet: Wallet, chain: WalletChain, clock: Clock) -> None:
        """Sign for the wallet on the network with that canonical id."""
        self._network = network
        self._wallet = wallet
        self._chain = chain
        self._clock = clock
        self._verifier = Verifier(
            {network: chain}, BUILT_IN_METHODS, clock, policy=TermsPolicy(accept_mempool=True)
        )

    def sign(
        self,
        requirements: Mapping[str, Any],
        resource: Any = None,
        excluded: Collection[OutputRef] = (),
    ) -> Signed:
        """Return a payment that meets the requirements and spends none of the excluded outputs.

        It uses an offer of the server's to pay the fee, if that can be used. It repeats the
        server's ``resource``, if there is one. It is verified as a facilitator verifies it. Raises
        :class:`CannotPay`.
        """
        try:
            terms = self._terms(requirements)
            utxo = self._spendable(excluded)
            try:
                built = self._sponsored(terms, utxo, excluded)
                signed = self._present(requirements, resource, built)
            except (OfferNotUsed, Refused) as error:
                why = _reason(error)
                plain = self._plain(terms, utxo, why)
                return replace(self._present(requirements, resource, plain), why_plain=why)
            return replace(signed, is_sponsored=True)
        except BadMessage as error:
            raise CannotPay(f"the terms that are offered are none: {error.message}") from None
        except Refused as refused:
            refusal = (
                f"a facilitator would refuse to settle it: {refused.reason}: {refused.message}"
            )
            is_asked_in_vain = refused.reason is Reason.CHAIN_LOOKUP_FAILED
            raise CannotPay(refused.message if is_asked_in_vain else refusal) from None
        except ChainUnavailable as error:
            raise CannotPay(f"the chain could not be asked, try again: {error.detail}") from None

    def _present(self, requirements: Mapping[str, Any], resource: Any, built: _Built) -> Signed:
        """Return the payment as a message, verified. Raises :class:`Refused`."""
        decoded = decode_transaction(built.transaction)
        payload = {
            "transaction": base64.b64encode(built.transaction).decode(),
            "nonce": str(built.nonce or decoded.body.inputs[0]),
        }
        message = write_payment(requirements, payload, resource)
        self._verify(_request(requirements, message))
        header = encode_header(message)
        inputs = frozenset(decoded.body.inputs)
        return Signed(header, decoded.id.hex(), inputs, built.transaction)

    def _terms(self, requirements: Mapping[str, Any]) -> Terms:
        payload = {"x402Version": 2, "accepted": requirements, "payload": {}}
        request = _request(requirements, payload)
        return agree_terms(
            request, [self._network], BUILT_IN_METHODS, policy=TermsPolicy(accept_mempool=True)
        )

    def _spendable(self, excluded: Collection[OutputRef]) -> Mapping[OutputRef, Output]:
        """Return plain outputs: one with a datum or a script was locked there for a purpose."""
        return {
            ref: output
            for ref, output in self._chain.outputs_at(self._wallet.address).items()
            if ref not in excluded
            and output.datum is None
            and output.datum_hash is None
            and output.script is None
        }

    def _sponsored(
        self, terms: Terms, utxo: Mapping[OutputRef, Output], excluded: Collection[OutputRef]
    ) -> _Built:
        """Return a payment by the server's offer. Raises :class:`OfferNotUsed`."""
        offer = find_offer(terms, int(self._clock.time() * 1000))
        if offer.input in excluded:
            raise OfferNotUsed(f"the offered output {offer.input} is spent")
        output = look_up_offered(offer, self._chain, self._wallet)
        end = self._chain.eras().slot_at(min(self._until_ms(terms), offer.expires_at_ms))
        offered, parameters = (offer, output), self._chain.parameters()
        return _Built(*sign_sponsored(self._wallet, utxo, terms, offered, parameters, end))

    def _plain(self, terms: Terms, utxo: Mapping[OutputRef, Output], why: str) -> _Built:
        """Return a payment whose fee the wallet pays, as the offer is not used for that reason."""
        amount = Amount(terms.pay_to, terms.amount, terms.asset)
        end = self._chain.eras().slot_at(self._until_ms(terms))
        try:
            return _Built(sign_payment(self._wallet, utxo, amount, self._chain.parameters(), end))
        except CannotPay as error:
            if not why:
                raise
            unused = f"the server's offer to pay the fee cannot be used: {why}"
            raise CannotPay(f"{error}; {unused}") from None

    def _until_ms(self, terms: Terms) -> int:
        valid_seconds = max(1, int(terms.max_timeout_seconds * _VALID_FOR))
        return int((self._clock.time() + valid_seconds) * 1000)

    def _verify(self, request: PaymentRequest) -> None:
        payment = self._verifier.parse(request)
        self._verifier.check_static(payment)
        self._verifier.check_ledger(payment)


def _reason(error: OfferNotUsed | Refused) -> str:
    return error.why if isinstance(error, OfferNotUsed) else f"{error.reason}: {error.message}"


def _request(requirements: Mapping[str, Any], payload: Mapping[str, Any]) -> PaymentRequest:
    return parse_payment_request(
        {"x402Version": 2, "paymentPayload": payload, "paymentRequirements": requirements}
    )
