"""Buying a page: ask, be told the price, sign, ask again (x402 v2, HTTP transport)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from facilitator.cardano.transaction import OutputRef
from facilitator.client.errors import CannotPay, OutcomeNotKnown
from facilitator.client.http import Answer, Page
from facilitator.client.offer import HEADER, Limits, choose, decoded, read_offer
from facilitator.client.payer import Payer, Signed
from facilitator.x402.networks import canonical_network
from facilitator.x402.reasons import Reason

SENT = "PAYMENT-SIGNATURE"
RECEIPT = "PAYMENT-RESPONSE"

ROUNDS = 10
"""How often one payment is shown before its outcome counts as unknown."""
PAUSE_SECONDS = 3.0
"""How long to wait before it is shown again."""

_PAYMENT_REQUIRED = 402
_SERVER_ERROR = 500
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
        return _object(self.answer.headers.get(RECEIPT))

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

    The same one again while it is not settled yet or nothing definite is said. On a devnet others
    follow while the server says that what they spend is spent: this process does not know what
    happened on the devnet of another one, and nothing is lost there.

    Args:
        page: What is bought.
        limits: What may be paid.
        till: Who pays on the network with that canonical id.
        say: Told what happens, in sentences.

    Raises:
        CannotPay: Nothing was paid.
        OutcomeNotKnown: The payment was shown, and no answer came.
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
        answer = _show(page, signed, say)
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


def _show(page: Page, signed: Signed, say: Callable[[str], None]) -> Answer:
    """What the server says of the payment in the end."""
    for left in reversed(range(ROUNDS)):
        try:
            answer = page.ask({SENT: signed.header})
            failed = answer.status >= _SERVER_ERROR
            if not (failed or _says_pending(answer)) or not left:
                return answer
            why = f"the server answered {answer.status}" if failed else "it is not settled yet"
        except OSError as error:
            why = f"no answer came ({error})"
        if left:
            say(f"{why}: asking again with the same payment")
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
