"""A purchase: ask for a resource, read its price, sign a payment, ask again (x402 v2, HTTP)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.cardano.amounts import amount_in_words
from facilitator.cardano.transaction import OutputRef
from facilitator.client.errors import CannotPay, OutcomeNotKnown
from facilitator.client.http import Answer, Client
from facilitator.client.memory import PaymentMemory
from facilitator.client.requirements import (
    HEADER,
    Limits,
    RequirementOffer,
    choose_requirements,
    decoded,
    read_offer,
)
from facilitator.client.signer import Signed, Signer
from facilitator.x402.networks import canonical_network
from facilitator.x402.reasons import Reason

SENT = "PAYMENT-SIGNATURE"
RECEIPT = "PAYMENT-RESPONSE"

ROUNDS = 10
"""Times that one payment is presented before its outcome counts as unknown."""
PAUSE_SECONDS = 3.0
"""Seconds before it is presented again."""

_PAYMENT_REQUIRED = 402
_SERVER_ERROR = 500
_REDIRECTION = 300
_SPENT = (Reason.NONCE_NOT_ON_CHAIN, Reason.INPUT_NOT_AVAILABLE, Reason.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Purchase:
    """The outcome of a purchase."""

    answer: Answer
    requirements: Mapping[str, Any] | None = None
    """The agreed requirements; ``None`` when nothing was to be paid."""
    transaction_id: str | None = None
    """Id of the payment that was presented to the server, lowercase hex."""

    @property
    def receipt(self) -> Mapping[str, Any] | None:
        """The server's report of the settlement: ``SettleResponse``."""
        return _object(self.answer.headers.get(RECEIPT))

    @property
    def refusal(self) -> str | None:
        """The server's reason to ask for payment again."""
        return _refusal(self.answer)


@dataclass(frozen=True, slots=True)
class NetworkSigner:
    """The signer for a network. Where there is a memory, no money of value is spent."""

    signer: Signer
    memory: PaymentMemory | None
    """Of a devnet, what was spent there; ``None`` where the chain itself says it."""


def buy(
    client: Client,
    limits: Limits,
    signer_on: Callable[[str], NetworkSigner],
    report: Callable[[str], None],
) -> Purchase:
    """Ask for the resource and pay for it if need be; one payment is presented to the server.

    The same one again while it is not settled yet or no definite answer comes. On a devnet others
    follow while the server says that their inputs are spent: this process does not know what
    happened on the devnet of another one, and no money of value is lost there.

    Args:
        client: Asks for the resource.
        limits: The requirements that may be met.
        signer_on: Returns the signer for the network with that canonical id.
        report: Called with what happens, in sentences.

    Raises:
        CannotPay: Nothing was paid.
        OutcomeNotKnown: The payment was presented, and no answer came.
        OSError: The server was not reached.
    """
    answer = client.send({})
    if answer.status != _PAYMENT_REQUIRED:
        return Purchase(answer)
    offer = read_offer(answer.headers.get(HEADER), answer.body)
    chosen = choose_requirements(offer, limits)
    price = amount_in_words(int(chosen["amount"]), chosen["asset"])
    report(f"402: {price} to {chosen['payTo']} on {chosen['network']}")
    on_network = signer_on(canonical_network(chosen["network"]) or "")
    memory = on_network.memory
    if limits.most is None and memory is None:
        raise CannotPay(f"say with --max how many {chosen['asset']} may be paid at most")
    spent: frozenset[OutputRef] = frozenset()
    while True:
        signed = _signed(on_network.signer, offer, chosen, spent)
        if signed.is_sponsored:
            report("the server pays the fee")
        elif signed.why_plain:
            report(f"the server's offer to pay the fee is not used: {signed.why_plain}")
        report(f"paying with the transaction {signed.transaction_id}")
        answer = _present(client, signed, report)
        if memory is None or not _says_spent(answer):
            if memory is not None and answer.status < _REDIRECTION:
                _remember(memory, signed, report)
            return Purchase(answer, chosen, signed.transaction_id)
        memory.refused(signed.inputs)
        spent |= signed.inputs


def _remember(memory: PaymentMemory, signed: Signed, report: Callable[[str], None]) -> None:
    try:
        memory.paid(signed)
    except OSError as error:
        report(f"what was spent is not remembered for the next payment: {error}")


def _signed(
    signer: Signer,
    offer: RequirementOffer,
    requirements: Mapping[str, Any],
    spent: frozenset[OutputRef],
) -> Signed:
    try:
        return signer.sign(requirements, offer.resource, spent)
    except CannotPay as error:
        if not spent:
            raise
        raise CannotPay(
            f"the server's devnet says that {len(spent)} outputs of the wallet are spent: take "
            f"another --wallet, or name that devnet by --devnet URL, where it is offered ({error})"
        ) from None


def _present(client: Client, signed: Signed, report: Callable[[str], None]) -> Answer:
    """Return the server's last answer to the payment, presented up to :data:`ROUNDS` times."""
    for left in reversed(range(ROUNDS)):
        try:
            answer = client.send({SENT: signed.header})
            failed = answer.status >= _SERVER_ERROR
            if not (failed or _says_pending(answer)) or not left:
                return answer
            why = f"the server answered {answer.status}" if failed else "it is not settled yet"
        except OSError as error:
            why = f"no answer came ({error})"
        if left:
            report(f"{why}: asking again with the same payment")
            time.sleep(PAUSE_SECONDS)
    raise OutcomeNotKnown(
        f"whether the transaction {signed.transaction_id} was taken is not known, for {why}; look "
        "for it on the chain before you pay again"
    )


def _says_pending(answer: Answer) -> bool:
    if answer.status != _PAYMENT_REQUIRED:
        return False
    receipt = _object(answer.headers.get(RECEIPT)) or {}
    return Reason.PENDING in (receipt.get("errorReason"), _refusal(answer))


def _refusal(answer: Answer) -> str | None:
    offer = _object(answer.headers.get(HEADER)) if answer.status == _PAYMENT_REQUIRED else None
    return str(offer["error"]) if offer and offer.get("error") else None


def _says_spent(answer: Answer) -> bool:
    refusal = _refusal(answer) or ""
    return any(reason in refusal for reason in _SPENT)


def _object(header: str | None) -> Mapping[str, Any] | None:
    """Return the JSON object in the header; ``None`` when there is none."""
    try:
        value = decoded(header or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
