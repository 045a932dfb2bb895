"""A way to pay that a plugin brings: ``facilitator pay`` leaves it the payments of one scheme."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from facilitator.clock import Clock
from facilitator.roles.wallet import FundedChain, Wallet


class HttpAnswer(NamedTuple):
    """The server's answer to one request."""

    status: int
    """The HTTP status."""
    headers: Message
    """Its headers; names are compared without regard to case."""
    body: bytes
    """The page, or what came in its place."""


class Presented(NamedTuple):
    """The server's answer to a payment."""

    answer: HttpAnswer
    """The answer itself."""
    receipt: Mapping[str, Any] | None = None
    """The header ``PAYMENT-RESPONSE``, an object as the server wrote it; ``None`` without one."""
    required: Mapping[str, Any] | None = None
    """The header ``PAYMENT-REQUIRED`` of an answer 402; ``None`` without one."""

    @property
    def refusal(self) -> str | None:
        """The server's reason to ask for payment again."""
        reason = (self.required or {}).get("error")
        return str(reason) if reason else None


@dataclass(frozen=True, slots=True)
class PayOrder:
    """A payment that the person at the command line agrees to."""

    server: str
    """The scheme, host and port of the URL, such as ``https://example.org``."""
    network: str
    """The canonical id."""
    requirements: Mapping[str, Any]
    """The requirements that are met, as the server wrote them. They are within the limits."""
    wallet: Wallet
    """The wallet that pays."""
    chain: FundedChain
    """The chain of that network, as this process sees it."""
    clock: Clock
    """The clock to compare with slots."""
    present: Callable[[Mapping[str, Any]], Presented]
    """Shows the server a payment with that ``payload``, and again while it is not settled yet.

    Raises ``OutcomeNotKnown`` if no definite answer comes.
    """
    report: Callable[[str], None]
    """Shows the person a sentence."""
    folder: Path
    """The user's folder for what the payer must remember; it need not exist yet."""
    deposit: int | None = None
    """Units of the asset that may be put in at once, beside what comes back in any case.

    ``None`` leaves it to the payer, in proportion to the price.
    """
    present_under: Callable[[Mapping[str, Any], Mapping[str, Any]], Presented] | None = None
    """Does as :attr:`present` by other requirements, the second argument.

    They differ from :attr:`requirements` in what changes nothing for the person, such as an offer
    of the server's to pay a fee. ``None`` where that cannot be.
    """


class Paid(NamedTuple):
    """The outcome of an order."""

    presented: Presented
    """The last answer of the server."""
    transaction_id: str | None = None
    """The transaction that the server was shown, lowercase hex; ``None`` without one."""
    summary: str = ""
    """A phrase about what was paid, for the person; empty unless it was."""


class Payer(Protocol):
    """Pays by one scheme. Only ``facilitator pay`` calls it, from one thread.

    Both methods raise ``CannotPay`` if nothing was shown to the server, and ``OutcomeNotKnown``
    if something was and no definite answer came.
    """

    def pay(self, order: PayOrder) -> Paid:
        """Pay for the page."""
        ...

    def take_back(self, order: PayOrder) -> Paid:
        """Ask the server for what was put in and not spent."""
        ...
