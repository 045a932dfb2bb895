"""A request that is refused, and faults of any message."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from facilitator_channels.draft import REASON_PREFIX
from support.channel_ledger import Ledger
from support.channel_parties import Opening, Redemption, held_channel
from support.channels import PRICE, request, terms

Make: TypeAlias = Callable[[Ledger], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A request that is refused."""

    name: str
    make: Make
    """Makes the request's body, and what it needs on the chain."""
    reason: str
    """Without the draft's prefix, where it is one of the draft's."""
    settles: bool = False
    """True for a request to /settle."""

    @property
    def full_reason(self) -> str:
        is_of_core = "exact_cardano" in self.reason or self.reason.startswith("fee_sponsor")
        return self.reason if is_of_core else REASON_PREFIX + self.reason

    def __str__(self) -> str:
        return self.name


def put(found: dict[str, Any], path: str, value: Any) -> None:
    """Set a field, or take it out (``None``)."""
    *above, last = path.split(".")
    for name in above:
        found = found[name]
    if value is None:
        del found[last]
    else:
        found[last] = value


def said(path: str, value: Any, make: Callable[[Ledger], dict[str, Any]] | None = None) -> Make:
    """A request whose payload says something else there."""

    def changed(ledger: Ledger) -> dict[str, Any]:
        body = deepcopy(make(ledger) if make else Opening().body)
        put(body["paymentPayload"]["payload"], path, value)
        return body

    return changed


def asked(path: str, value: Any, *, echoed: bool = True) -> Make:
    """An opening under requirements that say something else there."""

    def changed(_: Ledger) -> dict[str, Any]:
        body = deepcopy(Opening().body)
        put(body["paymentPayload"]["accepted"], path, value)
        if echoed:
            body["paymentRequirements"] = body["paymentPayload"]["accepted"]
        return body

    return changed


def promised(ledger: Ledger) -> dict[str, Any]:
    return request(held_channel(ledger).promise(PRICE), terms())


def refunded(ledger: Ledger) -> dict[str, Any]:
    return request(held_channel(ledger).refund(0, 0), terms())


def claimed(ledger: Ledger) -> dict[str, Any]:
    return Redemption([(held_channel(ledger), 3_000_000)]).body
