"""Verdicts of a reconciliation: what the ledger says of payments against what the chain shows.

What cannot be known is :class:`NotKnown`, never a finding.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from facilitator.cardano.transaction import AssetId, Output
from facilitator.cli.payments.amounts import LOVELACE
from facilitator.cli.payments.texts import printable, time_text
from facilitator.roles.chain import InBlock, InMempool, Tip, TransactionStatus, Unknown
from facilitator.roles.claim import Delivery
from facilitator.roles.payment_record import PaymentRecord


class Kind(StrEnum):
    """A kind of finding."""

    MISSING = "missing"
    """The chain has no such transaction."""
    ROLLED_BACK = "rolled-back"
    """The block that had it is not in the chain any more."""
    SHALLOW = "shallow"
    """It is in a block, not as deep as was promised."""
    UNDERPAID = "underpaid"
    """Its outputs pay the recipient less than was asked for."""
    PAID_TWICE = "paid-twice"
    """The same payer paid twice for the same."""
    UNRECORDED = "unrecorded"
    """An output pays a recipient, and the ledger has no payment of its transaction."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person has to look at."""

    kind: Kind
    network: str
    """Canonical id of the network."""
    transaction_id: str
    """Id of the transaction, lowercase hex."""
    detail: str
    """The figures of what was found."""
    remedy: str
    """The sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class NotKnown:
    """A payment of which the chain does not say enough now."""

    network: str
    """Canonical id of the network."""
    transaction_id: str
    """Id of the transaction, lowercase hex."""
    why: str
    """The reason."""


Verdict: TypeAlias = Finding | NotKnown | None
"""``None`` if all is well."""


def judge_place(
    payment: PaymentRecord,
    status: TransactionStatus | Unknown,
    tip: Tip,
    *,
    has_block: bool | None,
) -> Verdict:
    """Judge where the chain has the transaction of a settled payment.

    ``tip`` is no newer than ``status``. ``has_block`` says if the recorded block is in the chain,
    ``None`` if it is not known; it matters only for a transaction that is not in a block.
    """
    if isinstance(status, Unknown):
        return _not_known(payment, status.why)
    if is_behind(payment, tip):
        return _not_known(
            payment,
            f"the newest block is {tip.height}, while block {_newest_seen(payment)} was seen when"
            " it was settled: the provider is behind, or on another chain",
        )
    if isinstance(status, InBlock):
        return _judge_depth(payment, status, tip)
    if isinstance(status, InMempool) or has_block is False:
        where = "waits in a mempool again" if isinstance(status, InMempool) else "is nowhere now"
        return _finding(
            payment,
            Kind.ROLLED_BACK,
            f"the block in which it was settled ({payment.block_height}) was rolled back, and the"
            f" transaction {where}",
            "run this again after some blocks: it may be included again until its validity ends;"
            f" if it is not, {_unpaid(payment)}",
        )
    there = "" if has_block is None else f"; block {payment.block_height} itself is in the chain"
    return _finding(
        payment,
        Kind.MISSING,
        f"the chain has no such transaction{there}",
        f"look it up in an explorer; if it is nowhere, {_unpaid(payment)}",
    )


def is_behind(payment: PaymentRecord, tip: Tip) -> bool:
    """Return True if the provider lacks blocks that were seen when the payment was settled."""
    return tip.height < _newest_seen(payment)


def _newest_seen(payment: PaymentRecord) -> int:
    return (payment.block_height or 0) + (payment.depth or 0)


def _judge_depth(payment: PaymentRecord, status: InBlock, tip: Tip) -> Verdict:
    depth = max(0, tip.height - status.height)
    if depth >= payment.confirmations:
        return None
    return _finding(
        payment,
        Kind.SHALLOW,
        f"it is in block {status.height} at depth {depth}; {payment.confirmations} was promised",
        f"run this again after {payment.confirmations - depth} more blocks",
    )


def judge_amount(payment: PaymentRecord, paid: int) -> Verdict:
    """Judge what all outputs of the transaction to the recipient hold of the asset together."""
    if paid >= int(payment.amount):
        return None
    return _finding(
        payment,
        Kind.UNDERPAID,
        f"it pays {paid} units of {payment.asset} to {payment.pay_to}, and {payment.amount} were"
        " asked for",
        "ask the payer for the rest, and compare the record with the claim: they disagree",
    )


def unrecorded(network: str, transaction_id: str, address: str, value: str, at: float) -> Finding:
    """Return the finding of an output without a record; ``value`` is what it holds, in words."""
    return Finding(
        Kind.UNRECORDED,
        network,
        transaction_id,
        f"it pays {value} to {address}, in a block of {time_text(at)} UTC, and has no record",
        "if you know it from elsewhere (change, a transfer of your own), do nothing; else the payer"
        " settled it without this facilitator: see what it was for",
    )


def paid_of(outputs: Iterable[Output], address: bytes, asset: AssetId | None) -> int:
    """Return what the outputs to the address hold together; ``None`` as asset is lovelace."""
    values = [output.value for output in outputs if output.address == address]
    if asset is None:
        return sum(value.lovelace for value in values)
    return sum(value.assets.get(asset, 0) for value in values)


def asset_id(asset: str) -> AssetId | None:
    """Return the asset's id; ``None`` for lovelace. Raises :class:`ValueError`."""
    return None if asset == LOVELACE else bytes.fromhex(asset.replace(".", "", 1))


class Repeats:
    """Finds payments for the same by the same payer, among settled ones from newest to oldest."""

    def __init__(self) -> None:
        """Start with none."""
        self._later: dict[tuple[str, ...], PaymentRecord] = {}

    def add(self, payment: PaymentRecord) -> Finding | None:
        """Return the finding if a later payment is for the same, within this one's validity."""
        found = None
        for key in _keys(payment):
            later = self._later.get(key)
            if found is None and later is not None and _are_one(payment, later):
                found = later
            self._later[key] = payment
        return None if found is None else _repeat(payment, found)


def _keys(payment: PaymentRecord) -> list[tuple[str, ...]]:
    """Return what later payments for the same have in common with it."""
    if not payment.payer:
        return []
    whom = (payment.network, payment.payer, payment.pay_to)
    keys: list[tuple[str, ...]] = []
    if payment.identifier:
        keys.append(("identifier", *whom, payment.identifier))
    if payment.resource:
        keys.append(("resource", *whom, payment.asset, payment.amount, payment.resource))
    return keys


def _are_one(earlier: PaymentRecord, later: PaymentRecord) -> bool:
    """Return True unless they are too far apart, or two identifiers say that they are two."""
    validity = (earlier.terms or {}).get("maxTimeoutSeconds")
    if not isinstance(validity, int | float):
        return False
    if earlier.identifier and later.identifier and earlier.identifier != later.identifier:
        return False
    return later.created_at - earlier.created_at <= validity


def _repeat(earlier: PaymentRecord, later: PaymentRecord) -> Finding:
    same_id = bool(earlier.identifier) and earlier.identifier == later.identifier
    what = f"identifier {earlier.identifier}" if same_id else f"resource {earlier.resource}"
    seconds = later.created_at - earlier.created_at
    return _finding(
        later,
        Kind.PAID_TWICE,
        f"its payer paid for the same {printable(what)} by {earlier.transaction_id},"
        f" {seconds:.0f} s before; {_delivered(earlier, 'the earlier')},"
        f" {_delivered(later, 'the later')}",
        "see if the resource was served twice; if it was not, pay one of them back",
    )


def _delivered(payment: PaymentRecord, which: str) -> str:
    match payment.delivery:
        case Delivery.DELIVERED:
            return f"the success of {which} was delivered"
        case Delivery.UNKNOWN:
            return f"the delivery of {which} is unknown"
    return f"that of {which} was not"


def _unpaid(payment: PaymentRecord) -> str:
    served = payment.delivery is not Delivery.NONE
    return (
        "the resource was served for nothing: ask the payer to pay again"
        if served
        else "the payer must pay again; its success was not delivered to any caller"
    )


def _finding(payment: PaymentRecord, kind: Kind, detail: str, remedy: str) -> Finding:
    return Finding(kind, payment.network, payment.transaction_id, detail, remedy)


def _not_known(payment: PaymentRecord, why: str) -> NotKnown:
    return NotKnown(payment.network, payment.transaction_id, why)
