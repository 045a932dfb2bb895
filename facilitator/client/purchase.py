"""A purchase: ask for a resource, read its price, sign a payment, ask again (x402 v2, HTTP)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from facilitator.cardano.amounts import amount_in_words
from facilitator.cardano.transaction import OutputRef
from facilitator.client.errors import CannotPay
from facilitator.client.http import Client
from facilitator.client.memory import PaymentMemory
from facilitator.client.presenting import (
    PAYMENT_REQUIRED,
    encode_header,
    present,
    read_answer,
    write_payment,
)
from facilitator.client.requirements import (
    HEADER,
    Limits,
    RequirementOffer,
    choose_requirements,
    read_offer,
)
from facilitator.client.signer import Signed, Signer
from facilitator.roles.payer import HttpAnswer, Paid, Payer, PayOrder, Presented
from facilitator.x402.networks import canonical_network
from facilitator.x402.reasons import Reason

_REDIRECTION = 300
_SPENT = (Reason.NONCE_NOT_ON_CHAIN, Reason.INPUT_NOT_AVAILABLE, Reason.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Purchase:
    """The outcome of a purchase."""

    presented: Presented
    requirements: Mapping[str, Any] | None = None
    """The agreed requirements; ``None`` when nothing was to be paid."""
    transaction_id: str | None = None
    """Id of the transaction that was presented to the server, lowercase hex."""
    summary: str = ""
    """A phrase about what was paid; empty unless it was."""

    @property
    def answer(self) -> HttpAnswer:
        """The server's last answer."""
        return self.presented.answer

    @property
    def receipt(self) -> Mapping[str, Any] | None:
        """The server's report of the settlement: ``SettleResponse``."""
        return self.presented.receipt

    @property
    def refusal(self) -> str | None:
        """The server's reason to ask for payment again."""
        return self.presented.refusal


@dataclass(frozen=True, slots=True)
class NetworkSigner:
    """The signer for a network. Where there is a memory, no money of value is spent."""

    signer: Signer
    memory: PaymentMemory | None
    """Of a devnet, what was spent there; ``None`` where the chain itself says it."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Requirements on offer that the payer agrees to."""

    offer: RequirementOffer
    requirements: Mapping[str, Any]
    network: str
    """The canonical id."""


class Show(Protocol):
    """Shows the server a payment, by the requirements of the order unless others are given."""

    def __call__(self, payload: Mapping[str, Any], accepted: Mapping[str, Any] = ...) -> Presented:
        """Return the server's answer."""
        ...


def buy(
    client: Client,
    limits: Limits,
    signer_on: Callable[[str], NetworkSigner],
    report: Callable[[str], None],
) -> Purchase:
    """Ask for the resource and pay for it by ``exact`` if need be; one payment is presented.

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
    offered = _ask(client, limits, report)
    if isinstance(offered, Purchase):
        return offered
    chosen = offered.requirements
    on_network = signer_on(offered.network)
    memory = on_network.memory
    if memory is None:
        _require_limit(limits)
    spent: frozenset[OutputRef] = frozenset()
    while True:
        signed = _signed(on_network.signer, offered.offer, chosen, spent)
        if signed.is_sponsored:
            report("the server pays the fee")
        elif signed.why_plain:
            report(f"the server's offer to pay the fee is not used: {signed.why_plain}")
        report(f"paying with the transaction {signed.transaction_id}")
        presented = present(client, signed.header, _not_known(signed), report)
        if memory is None or not _says_spent(presented):
            if memory is not None and presented.answer.status < _REDIRECTION:
                _remember(memory, signed, report)
            return Purchase(
                presented, chosen, signed.transaction_id, _summary(presented, signed, chosen)
            )
        memory.refused(signed.inputs)
        spent |= signed.inputs


def buy_by(
    payer: Payer,
    client: Client,
    limits: Limits,
    order_on: Callable[[Offered, Show], PayOrder],
    report: Callable[[str], None],
    *,
    takes_back: bool = False,
) -> Purchase:
    """Ask for the resource and have a plugin pay for it if need be.

    ``order_on`` makes the order of the requirements on offer. With ``takes_back`` the plugin asks
    for what was put in and not spent. Raises as :func:`buy` does.
    """
    offered = _ask(client, limits, report)
    if isinstance(offered, Purchase):
        return offered
    if not takes_back:
        _require_limit(limits)
    chosen = offered.requirements

    def show(payload: Mapping[str, Any], accepted: Mapping[str, Any] = chosen) -> Presented:
        message = write_payment(accepted, payload, offered.offer.resource)
        not_known = "whether the server took the payment is not known, for {why}; run it again"
        return present(client, encode_header(message), not_known, report)

    order = order_on(offered, show)
    paid: Paid = payer.take_back(order) if takes_back else payer.pay(order)
    return Purchase(paid.presented, chosen, paid.transaction_id, paid.summary)


def _ask(client: Client, limits: Limits, report: Callable[[str], None]) -> Offered | Purchase:
    """Return what the server offers that the payer agrees to; the purchase where it is for free."""
    answer = client.send({})
    if answer.status != PAYMENT_REQUIRED:
        return Purchase(read_answer(answer))
    offer = read_offer(answer.headers.get(HEADER), answer.body)
    chosen = choose_requirements(offer, limits)
    price = amount_in_words(int(chosen["amount"]), chosen["asset"])
    report(f"402: {price} to {chosen['payTo']} on {chosen['network']}")
    return Offered(offer, chosen, canonical_network(chosen["network"]) or "")


def _require_limit(limits: Limits) -> None:
    if limits.most is None:
        raise CannotPay(f"say with --max how many {limits.asset} may be paid at most")


def _summary(presented: Presented, signed: Signed, requirements: Mapping[str, Any]) -> str:
    if (presented.receipt or {}).get("success") is not True:
        return ""
    paid = amount_in_words(int(requirements["amount"]), requirements["asset"])
    return f"paid {paid} in the transaction {signed.transaction_id}"


def _not_known(signed: Signed) -> str:
    return (
        f"whether the transaction {signed.transaction_id} was taken is not known, for {{why}}; "
        "look for it on the chain before you pay again"
    )


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


def _says_spent(presented: Presented) -> bool:
    refusal = presented.refusal or ""
    return any(reason in refusal for reason in _SPENT)
