"""Who pays: signs what a facilitator would settle."""

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
from facilitator.exact.refused import Refused
from facilitator.exact.terms import Terms, agree_terms
from facilitator.exact.verification import ChainFacts, Verifier
from facilitator.roles.chain import ChainUnavailable, ListsOutputs
from facilitator.roles.wallet import Wallet
from facilitator.x402.messages import BadMessage, PaymentRequest, parse_payment_request
from facilitator.x402.reasons import Reason

_VALID_FOR = 0.9
"""Of the time that the server allows, so that a clock that is a little ahead does no harm."""


class PayersChain(ChainFacts, ListsOutputs, Protocol):
    """What a payer must be able to ask of a chain."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A payment that is ready to be shown."""

    header: str
    """What goes into ``PAYMENT-SIGNATURE``."""
    transaction_id: str
    """Lowercase hex."""
    inputs: frozenset[OutputRef]


class Payer:
    """A wallet on one network."""

    def __init__(self, network: str, wallet: Wallet, chain: PayersChain, clock: Clock) -> None:
        """``network`` is a canonical id."""
        self._network = network
        self._wallet = wallet
        self._chain = chain
        self._clock = clock
        self._verifier = Verifier({network: chain}, BUILT_IN_METHODS, clock, accept_mempool=True)

    def sign(
        self,
        offer: Mapping[str, Any],
        terms: Mapping[str, Any],
        leaving: Collection[OutputRef] = (),
    ) -> Signed:
        """Return a payment for the terms, one of the offer's; what is ``leaving`` is not spent.

        It is judged as a facilitator judges it. Raises :class:`CannotPay`.
        """
        try:
            agreed = self._agreed(terms)
            transaction = self._transaction(agreed, self._spendable(leaving))
            decoded = decode_transaction(transaction)
            payload = {
                "transaction": base64.b64encode(transaction).decode(),
                "nonce": str(decoded.body.inputs[0]),
            }
            message = {"x402Version": 2, "accepted": terms, "payload": payload}
            if (resource := offer.get("resource")) is not None:
                message["resource"] = resource
            self._judge(_request(terms, message))
        except BadMessage as error:
            raise CannotPay(f"the terms that are offered are none: {error.message}") from None
        except Refused as refused:
            told = f"a facilitator would refuse to settle it: {refused.reason}: {refused.message}"
            is_asked_in_vain = refused.reason is Reason.CHAIN_LOOKUP_FAILED
            raise CannotPay(refused.message if is_asked_in_vain else told) from None
        except ChainUnavailable as error:
            raise CannotPay(f"the chain could not be asked, try again: {error}") from None
        header = base64.b64encode(orjson.dumps(message)).decode()
        return Signed(header, decoded.id.hex(), frozenset(decoded.body.inputs))

    def _agreed(self, terms: Mapping[str, Any]) -> Terms:
        request = _request(terms, {"x402Version": 2, "accepted": terms, "payload": {}})
        return agree_terms(request, [self._network], BUILT_IN_METHODS, accept_mempool=True)

    def _spendable(self, leaving: Collection[OutputRef]) -> Mapping[OutputRef, Output]:
        """Plain outputs: what is locked beside a datum or a script is there for a purpose."""
        return {
            ref: output
            for ref, output in self._chain.outputs_at(self._wallet.address).items()
            if ref not in leaving
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

    def _judge(self, request: PaymentRequest) -> None:
        payment = self._verifier.read(request)
        self._verifier.examine(payment)
        self._verifier.judge(payment)


def _request(terms: Mapping[str, Any], payload: Mapping[str, Any]) -> PaymentRequest:
    return parse_payment_request(
        {"x402Version": 2, "paymentPayload": payload, "paymentRequirements": terms}
    )
