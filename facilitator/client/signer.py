"""The signer: makes payments that a facilitator would settle."""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.client.errors import CannotPay
from facilitator.client.transaction import Amount, sign_payment
from facilitator.clock import Clock
from facilitator.exact.built_in import BUILT_IN_METHODS
from facilitator.exact.terms import TermsPolicy, agree_terms
from facilitator.exact.verification import Verifier
from facilitator.roles.chain import ListsOutputs
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.payment import Terms
from facilitator.roles.refused import Refused
from facilitator.roles.scheme_chain import ChainFacts
from facilitator.roles.wallet import Wallet
from facilitator.x402.messages import BadMessage, PaymentRequest, parse_payment_request
from facilitator.x402.reasons import Reason

_VALID_FOR = 0.9
"""Share of the time that the server allows, so that a clock a little ahead does no harm."""


class SignerChain(ChainFacts, ListsOutputs, Protocol):
    """A chain that answers all that a signer asks."""


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


class Signer:
    """A wallet that signs payments on one network."""

    def __init__(self, network: str, wallet: Wallet, chain: SignerChain, clock: Clock) -> None:
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

        It repeats the server's ``resource``, if there is one. It is verified as a facilitator
        verifies it. Raises :class:`CannotPay`.
        """
        try:
            terms = self._terms(requirements)
            transaction = self._transaction(terms, self._spendable(excluded))
            decoded = decode_transaction(transaction)
            payload = {
                "transaction": base64.b64encode(transaction).decode(),
                "nonce": str(decoded.body.inputs[0]),
            }
            message = {"x402Version": 2, "accepted": requirements, "payload": payload}
            if resource is not None:
                message["resource"] = resource
            self._verify(_request(requirements, message))
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
        header = base64.b64encode(orjson.dumps(message)).decode()
        return Signed(header, decoded.id.hex(), frozenset(decoded.body.inputs), transaction)

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

    def _transaction(self, terms: Terms, utxo: Mapping[OutputRef, Output]) -> bytes:
        amount = Amount(terms.pay_to, terms.amount, terms.asset)
        valid_seconds = max(1, int(terms.max_timeout_seconds * _VALID_FOR))
        until_ms = int((self._clock.time() + valid_seconds) * 1000)
        end = self._chain.eras().slot_at(until_ms)
        return sign_payment(self._wallet, utxo, amount, self._chain.parameters(), end)

    def _verify(self, request: PaymentRequest) -> None:
        payment = self._verifier.parse(request)
        self._verifier.check_static(payment)
        self._verifier.check_ledger(payment)


def _request(requirements: Mapping[str, Any], payload: Mapping[str, Any]) -> PaymentRequest:
    return parse_payment_request(
        {"x402Version": 2, "paymentPayload": payload, "paymentRequirements": requirements}
    )
