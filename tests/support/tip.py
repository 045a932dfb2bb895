"""The scheme ``tip``: a toy with three messages, written as a stranger writes a plugin.

A *transfer* is a transaction that pays at least the amount, and that may have no end. A *promise*
is no transaction. A *sealed* transfer comes without its witness, which ``/settle`` puts in.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from facilitator.cardano.addresses.address import format_address
from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.rules import Environment, ledger_failures, static_failures
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.plugin import (
    NO_END,
    Answer,
    ChainUnavailable,
    Claim,
    Context,
    MayBeOnChain,
    Origin,
    PaymentRequest,
    Reason,
    Refused,
    Scheme,
    SchemeChain,
    SchemePayment,
    Spent,
    Terms,
    UniqueTerms,
    Unspent,
    Verified,
    agree_terms,
    hookimpl,
)

MESSAGE = "tip_message"
"""The reason of a refusal of its own."""
_MOST_NOTE = 100
_UNSIGNED = b"\xa0\xf5\xf6"


class Tip(NamedTuple):
    """What the scheme has read of a transfer: as it is submitted."""

    transaction: Transaction


class TipScheme:
    """Implements :class:`facilitator.plugin.Scheme`."""

    def __init__(self, context: Context, chains: Mapping[str, SchemeChain]) -> None:
        self._context = context
        self._chains = chains

    def kind(self, network: str) -> Mapping[str, Any] | None:
        return {"messages": ["transfer", "promise", "sealed"]} if network in self._chains else None

    def read(self, request: PaymentRequest, origin: Origin) -> SchemePayment:
        terms = agree_terms(request, self._context.settings)
        if "promise" in request.payload:
            by = _text(request.payload["promise"], "promise")
            return SchemePayment(terms, origin=origin, content=by)
        received = _decoded(_base64(request.payload.get("transaction"), "transaction"))
        sealed = request.payload.get("witness")
        body = received.body
        return SchemePayment(
            terms=terms,
            transaction_id=received.id.hex(),
            transaction=received.raw,
            inputs=frozenset(map(str, body.inputs)),
            invalid_hereafter=NO_END if body.invalid_hereafter is None else body.invalid_hereafter,
            record=_text(request.payload.get("note", ""), "note").encode(),
            origin=origin,
            content=Tip(received if sealed is None else _unsealed(received, sealed)),
        )

    def prepare(self, payment: SchemePayment) -> SchemePayment:
        if not isinstance(payment.content, Tip):
            raise Refused(MESSAGE, "a promise is kept by a transfer: it cannot be settled")
        return replace(payment, transaction=payment.content.transaction.raw)

    def check(self, payment: SchemePayment) -> None:
        if isinstance(payment.content, Tip):
            _check_paid(payment.terms, payment.content.transaction)

    def unique_terms(self, payment: SchemePayment) -> UniqueTerms | None:  # noqa: ARG002
        return None

    def verify(self, payment: SchemePayment) -> Verified:
        if not isinstance(payment.content, Tip):
            return Verified(payment.content, {"promised": payment.terms.amount})
        tx, network = payment.content.transaction, payment.terms.network
        chain = self._chains[network.id]
        now = int(self._context.clock.time() * 1000)
        slot = chain.provider.eras().slot_at(now)
        environment = Environment(slot, network.network_id, chain.provider.parameters())
        failures = static_failures(tx, environment)
        if not failures:
            utxo = _unspent(chain, tx)
            failures = ledger_failures(tx, environment, utxo, None)
        if failures:
            raise Refused(Reason.PHASE1_INVALID, f"{failures[0].rule}: {failures[0].message}")
        return Verified(format_address(utxo[tx.body.inputs[0]].address))

    def answer(self, claim: Claim) -> Answer:
        return Answer(claim.amount, {"note": claim.record.decode()})

    def reasons(self) -> list[str]:
        return [MESSAGE]


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _MOST_NOTE or (name == "promise" and not value):
        raise Refused(MESSAGE, f"payload.{name} must be a text of at most {_MOST_NOTE} characters")
    return value


def _base64(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise Refused(MESSAGE, f"payload.{name} must be base64")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(MESSAGE, f"payload.{name} must be base64") from None


def _decoded(raw: bytes) -> Transaction:
    try:
        return decode_transaction(raw)
    except DecodeError as error:
        raise Refused(Reason.DECODE_FAILED, f"not a transaction: {error}") from None


def _unsealed(received: Transaction, witness: object) -> Transaction:
    """Put the witness in, 32 bytes of a key and 64 of its signature."""
    both = _base64(witness, "witness")
    if len(both) != 96 or not received.raw.endswith(_UNSIGNED):
        raise Refused(MESSAGE, "a sealed transfer has no witness, and brings one of 96 bytes")
    witnesses = b"\xa1\x00\x81\x82\x58\x20" + both[:32] + b"\x58\x40" + both[32:]
    return _decoded(received.raw[:-3] + witnesses + _UNSIGNED[1:])


def _check_paid(terms: Terms, tx: Transaction) -> None:
    paid = sum(_held(terms, each) for each in tx.body.outputs if each.address == terms.pay_to)
    if paid < terms.amount:
        raise Refused(Reason.AMOUNT_INSUFFICIENT, f"{paid} of {terms.amount} are paid to payTo")


def _held(terms: Terms, output: Output) -> int:
    if terms.asset is None:
        return output.value.lovelace
    return output.value.assets.get(terms.asset, 0)


def _unspent(chain: SchemeChain, tx: Transaction) -> dict[OutputRef, Output]:
    found = chain.outputs(tx.body.inputs)
    for ref, status in found.items():
        if isinstance(status, Spent):
            raise MayBeOnChain(
                Reason.INPUT_NOT_AVAILABLE,
                f"{ref} is spent",
                spent_by_itself=status.by == tx.id.hex(),
            )
        if not isinstance(status, Unspent):
            raise ChainUnavailable(f"{ref} is not known yet")
    return {ref: each.output for ref, each in found.items() if isinstance(each, Unspent)}


@hookimpl
def schemes(context: Context, chains: Mapping[str, SchemeChain]) -> Mapping[str, Scheme]:
    return {"tip": TipScheme(context, chains)}
