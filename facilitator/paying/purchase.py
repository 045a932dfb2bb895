"""Buying a page: ask, be told the price, sign, ask again (x402 v2, HTTP transport)."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from facilitator.cardano.transaction import OutputRef
from facilitator.paying.errors import CannotPay, OutcomeNotKnown
from facilitator.paying.offer import HEADER, Limits, choose, read_offer
from facilitator.paying.page import Answer, Page
from facilitator.paying.payer import Payer, Signed
from facilitator.x402.networks import canonical_network
from facilitator.x402.reasons import Reason

SENT = "PAYMENT-SIGNATURE"
RECEIPT = "PAYMENT-RESPONSE"

_PAYMENT_REQUIRED = 402
_SPENT = (Reason.NONCE_NOT_ON_CHAIN, Reason.INPUT_NOT_AVAILABLE, Reason.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Purchase:
    """What came of it."""

    answer: Answer
    terms: Mapping[str, Any] | None = None
    """What was agreed to; ``None`` when nothing was to be paid."""
    transaction_id: str | None = None
    """Of the payment that was shown to the server, lowercase hex."""

    @property
    def receipt(self) -> Mapping[str, Any] | None:
        """What the server says of the settlement: ``SettleResponse``."""
        return _decoded(self.answer.headers.get(RECEIPT))

    @property
    def refusal(self) -> str | None:
        """Why the server wants to be paid again."""
        return _refusal(self.answer)


@dataclass(frozen=True, slots=True)
class Till:
    """Who pays on a network, and whether what it pays with is worth anything."""

    payer: Payer
    is_devnet: bool


def buy(
    page: Page, limits: Limits, till: Callable[[str], Till], say: Callable[[str], None]
) -> Purchase:
    """Ask for the page and pay for it if need be; one payment is shown to the server.

    On a devnet others follow while the server says that what they spend is spent: this process
    does not know what happened on the devnet of another one, and nothing is lost there.

    Args:
        page: What is bought.
        limits: What may be paid.
        till: Who pays on the network with that canonical id.
        say: Told what happens, in sentences.

    Raises:
        CannotPay: Nothing was paid.
        OutcomeNotKnown: The payment was sent, and no answer came.
        OSError: The server was not reached.
    """
    answer = page.ask({})
    if answer.status != _PAYMENT_REQUIRED:
        return Purchase(answer)
    offer = read_offer(answer.headers.get(HEADER))
    terms = choose(offer, limits)
    say(f"402: {terms['amount']} {terms['asset']} to {terms['payTo']} on {terms['network']}")
    own = till(canonical_network(terms["network"]) or "")
    if limits.most is None and not own.is_devnet:
        raise CannotPay(f"say with --max how many {terms['asset']} may be paid at most")
    spent: frozenset[OutputRef] = frozenset()
    while True:
        signed = _signed(own, offer, terms, spent)
        say(f"paying with the transaction {signed.transaction_id}")
        answer = _show(page, signed)
        if not own.is_devnet or not _says_spent(answer):
            return Purchase(answer, terms, signed.transaction_id)
        spent |= signed.inputs


def _signed(
    till: Till, offer: Mapping[str, Any], terms: Mapping[str, Any], spent: frozenset[OutputRef]
) -> Signed:
    try:
        return till.payer.sign(offer, terms, spent)
    except CannotPay as error:
        if not spent:
            raise
        raise CannotPay(
            f"the server's devnet says that {len(spent)} outputs of the wallet are spent: take "
            f"another --wallet, or reach that devnet through devnet.listen ({error})"
        ) from None


def _show(page: Page, signed: Signed) -> Answer:
    try:
        return page.ask({SENT: signed.header})
    except OSError as error:
        raise OutcomeNotKnown(
            f"whether the transaction {signed.transaction_id} was taken is not known: {error}; "
            "look for it on the chain before you pay again"
        ) from error


def _refusal(answer: Answer) -> str | None:
    offer = _decoded(answer.headers.get(HEADER)) if answer.status == _PAYMENT_REQUIRED else None
    return str(offer["error"]) if offer and offer.get("error") else None


def _says_spent(answer: Answer) -> bool:
    refusal = _refusal(answer) or ""
    return any(reason in refusal for reason in _SPENT)


def _decoded(header: str | None) -> Mapping[str, Any] | None:
    """The JSON object in the header; ``None`` when there is none."""
    try:
        value = orjson.loads(base64.b64decode(header or "", validate=True))
    except (binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None
