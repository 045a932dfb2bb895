"""A payment as the payment ledger keeps it: its details, its state, and its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from facilitator.roles.claim import Claim, ClaimState, Delivery

_MAX_TERMS_BYTES = 4_096
"""Greatest size of :attr:`PaymentDetails.terms` as JSON; ``extra`` is left out of longer ones."""
_MAX_RESOURCE_LENGTH = 1_024
"""Characters of :attr:`PaymentDetails.resource` that are kept."""


@dataclass(frozen=True, slots=True)
class PaymentDetails:
    """The details of a payment that do not change: what was asked for, by whom, for what.

    The claim carries them as :attr:`~facilitator.roles.claim.Claim.details`.
    """

    pay_to: str = ""
    """Address of the recipient, as the requirements name it."""
    asset: str = ""
    """``lovelace``, or policy id and asset name in hex with a dot between them."""
    method: str = ""
    """The transfer method of ``exact``; empty in other schemes."""
    fee: int | None = None
    """Lovelace that the ledger takes for the transaction; ``None`` if it is not known."""
    resource: str = ""
    """URL of the resource. The payer writes it: it proves nothing."""
    caller: str = ""
    """Name of the API key under which it was settled first; empty without one."""
    client: str = ""
    """The client that settled it first, as limits count it: an API key's name or an address."""
    identifier: str = ""
    """The id of the extension ``payment-identifier``, which the payer writes."""
    terms: Mapping[str, Any] = field(default_factory=dict)
    """The rest of the payment requirements by their names on the wire: ``maxTimeoutSeconds`` and
    ``extra``."""
    request_id: str = ""
    """Id of the request that settled it first."""

    def encode(self) -> bytes:
        """Return them as JSON, bounded in size."""
        terms = self.terms
        if len(orjson.dumps(terms)) > _MAX_TERMS_BYTES:
            terms = {name: value for name, value in terms.items() if name != "extra"}
        return orjson.dumps(
            {
                "payTo": self.pay_to,
                "asset": self.asset,
                "method": self.method,
                "fee": self.fee,
                "resource": self.resource[:_MAX_RESOURCE_LENGTH],
                "caller": self.caller,
                "client": self.client,
                "identifier": self.identifier,
                "terms": terms,
                "requestId": self.request_id,
            }
        )

    @classmethod
    def decode(cls, details: bytes) -> "PaymentDetails":
        """Return the details in a claim; empty ones if they are of no form that is known."""
        try:
            values = orjson.loads(details) if details else {}
        except orjson.JSONDecodeError:
            return cls()
        if not isinstance(values, dict):
            return cls()
        return cls(
            pay_to=values.get("payTo", ""),
            asset=values.get("asset", ""),
            method=values.get("method", ""),
            fee=values.get("fee"),
            resource=values.get("resource", ""),
            caller=values.get("caller", ""),
            client=values.get("client", ""),
            identifier=values.get("identifier", ""),
            terms=values.get("terms", {}),
            request_id=values.get("requestId", ""),
        )


@dataclass(frozen=True, slots=True)
class PaymentRecord:
    """A payment and its newest state. Times are Unix seconds.

    Its personal fields are ``None`` once they were erased.
    """

    transaction_id: str
    """Canonical id, lowercase hex: the key."""
    network: str
    """Canonical id of the network."""
    scheme: str
    """The scheme of the payment."""
    method: str
    """The transfer method of ``exact``; empty in other schemes."""
    payer: str | None
    """The payer's address, which is personal; empty if it is not known."""
    pay_to: str
    """The recipient's address; empty if it is not known."""
    asset: str
    """``lovelace``, or policy id and asset name in hex with a dot between them."""
    amount: str
    """Atomic units of the asset that were asked for, as decimal text."""
    fee: int | None
    """Lovelace that the ledger takes for the transaction; ``None`` if it is not known."""
    resource: str | None
    """URL of the resource, as the payer wrote it; personal."""
    caller: str
    """Name of the API key under which it was settled first; empty without one."""
    client: str | None
    """The client that settled it first, as limits count it; personal."""
    identifier: str | None
    """The id of the extension ``payment-identifier``; personal."""
    terms: Mapping[str, Any] | None
    """``maxTimeoutSeconds`` and ``extra`` of the payment requirements; personal."""
    request_id: str
    """Id of the request that settled it first."""
    state: ClaimState
    """The state that it reached last."""
    confirmations: int
    """Number of newer blocks promised before success, -1 to 20."""
    created_at: float
    """Time at which it was claimed."""
    updated_at: float
    """Time of the last change."""
    settled_at: float | None
    """Time at which it was settled; ``None`` if it is not."""
    block: str | None
    """Hash of the block in which it was seen."""
    block_slot: int | None
    """Slot of that block."""
    block_height: int | None
    """Height of that block."""
    depth: int | None
    """Number of newer blocks seen at the last change."""
    error: str | None
    """Reason of the rejection, for a person; see :attr:`~facilitator.roles.claim.Claim.error`."""
    delivery: Delivery
    """The delivery of the success."""
    delivered_at: float | None
    """Time at which the success was delivered."""
    delivered_to: str | None
    """The client that received the success, as limits count it; personal."""
    is_erased: bool
    """True once its personal fields were erased."""


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """One change of a payment's state, as it was written."""

    number: int
    """Greater than those of all events that were recorded before."""
    transaction_id: str
    """Canonical id, lowercase hex."""
    version: int
    """The version of the claim."""
    at: float
    """Unix seconds of the change, by the clock of the process that made it."""
    state: ClaimState
    """The state after it."""
    accepted: bool
    """True once a node has accepted the transaction as submitted here."""
    block: str | None
    """Hash of the block in which the transaction was seen."""
    block_slot: int | None
    """Slot of that block."""
    block_height: int | None
    """Height of that block."""
    depth: int | None
    """Number of newer blocks seen then."""
    error: str | None
    """Reason of the rejection, or why no node took it so far."""
    delivery: Delivery
    """The delivery of the success after it."""
    delivered_to: str | None
    """The client that received the success; ``None`` once it was erased."""
    delivery_request: str
    """Id of the request that received the success."""


def is_recorded(claim: Claim) -> bool:
    """Return True if a ledger keeps this state of a claim: from the announced submission on.

    What is only claimed may be removed again, with nothing sent.
    """
    return claim.state is not ClaimState.CLAIMED


def new_record(claim: Claim) -> PaymentRecord:
    """Return the payment whose first recorded change left this claim."""
    details = PaymentDetails.decode(claim.details)
    return PaymentRecord(
        transaction_id=claim.transaction_id,
        network=claim.network,
        scheme=claim.scheme,
        method=details.method,
        pay_to=details.pay_to,
        asset=details.asset,
        amount=claim.amount,
        fee=details.fee,
        resource=details.resource,
        caller=details.caller,
        client=details.client,
        identifier=details.identifier,
        terms=details.terms,
        request_id=details.request_id,
        confirmations=claim.confirmations,
        created_at=claim.created_at,
        is_erased=False,
        **changing_fields(claim),
    )


def changing_fields(claim: Claim) -> dict[str, Any]:
    """Return the fields of a payment that a change of its claim may change."""
    delivery = claim.delivery
    return {
        "payer": claim.payer,
        "state": claim.state,
        "updated_at": claim.updated_at,
        "settled_at": claim.updated_at if claim.state is ClaimState.SETTLED else None,
        "block": claim.block,
        "block_slot": claim.block_slot,
        "block_height": claim.block_height,
        "depth": claim.depth,
        "error": claim.error,
        "delivery": delivery,
        "delivered_at": claim.updated_at if delivery is Delivery.DELIVERED else None,
        "delivered_to": claim.delivered_to,
    }


def next_record(payment: PaymentRecord, claim: Claim) -> PaymentRecord:
    """Return the payment after a further change, which left this claim.

    A payer that is known, and the first times of settlement and delivery, stay; what was erased
    stays so.
    """
    now = changing_fields(claim)
    for name in ("settled_at", "delivered_at"):
        now[name] = now[name] and (getattr(payment, name) or now[name])
    if payment.payer != "":
        del now["payer"]
    if payment.is_erased:
        del now["delivered_to"]
    return replace(payment, **now)


def new_event(claim: Claim, number: int, *, is_erased: bool) -> PaymentEvent:
    """Return the event of the change that left this claim; ``is_erased`` is its payment's."""
    return PaymentEvent(
        number=number,
        transaction_id=claim.transaction_id,
        version=claim.version,
        at=claim.updated_at,
        state=claim.state,
        accepted=claim.accepted,
        block=claim.block,
        block_slot=claim.block_slot,
        block_height=claim.block_height,
        depth=claim.depth,
        error=claim.error,
        delivery=claim.delivery,
        delivered_to=None if is_erased else claim.delivered_to,
        delivery_request=claim.delivery_request,
    )
