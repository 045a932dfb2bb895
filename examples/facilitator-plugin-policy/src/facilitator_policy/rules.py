"""The lists: what they say of a payment. Nothing here does I/O."""

from collections.abc import Collection, Iterator
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.transaction import Transaction
from facilitator.plugin import PaymentView, Refusal
from facilitator_policy.settings import PolicySettings, key_hash_of

PAYER = "policy_payer_refused"
RECIPIENT = "policy_recipient_refused"
ASSET = "policy_asset_refused"
CALLER = "policy_caller_refused"
RESOURCE = "policy_resource_refused"
_KEY_HASH_SIZE = 28

T = TypeVar("T")


def signers(transaction: Transaction) -> frozenset[bytes]:
    """Return the hashes of all keys that signed the transaction."""
    witnesses = transaction.witnesses
    keys = [each.vkey for each in witnesses.vkeys] + [each.vkey for each in witnesses.bootstraps]
    return frozenset(blake2b(key, digest_size=_KEY_HASH_SIZE).digest() for key in keys)


class _Lists(NamedTuple):
    payers: tuple[frozenset[bytes], frozenset[bytes]]
    recipients: tuple[frozenset[bytes], frozenset[bytes]]
    assets: tuple[frozenset[str], frozenset[str]]
    callers: tuple[frozenset[str], frozenset[str]]
    resources: tuple[tuple[str, ...], tuple[str, ...]]


class Rules:
    """The lists of the settings. Safe to use from many threads."""

    def __init__(self, settings: PolicySettings) -> None:
        """Read the lists once: a payment is judged in microseconds."""
        self._lists = _Lists(
            (_keys(settings.allow_payers), _keys(settings.deny_payers)),
            (_addresses(settings.allow_pay_to), _addresses(settings.deny_pay_to)),
            (frozenset(settings.allow_assets), frozenset(settings.deny_assets)),
            (frozenset(settings.allow_callers), frozenset(settings.deny_callers)),
            (settings.allow_resources, settings.deny_resources),
        )

    def judge(self, payment: PaymentView, payers: Collection[bytes] | None) -> Refusal | None:
        """Return the refusal by the first list that speaks against the payment.

        ``payers`` is ``None`` for one without a transaction.
        """
        return next(self._refusals(payment, payers), None)

    def _refusals(
        self, payment: PaymentView, payers: Collection[bytes] | None
    ) -> Iterator[Refusal]:
        lists = self._lists
        if payers is None and any(lists.payers):
            yield Refusal("the payer is not known: the payment has no transaction", PAYER)
        if payers is not None and _refuses(payers, *lists.payers):
            yield Refusal("a key that signed the transaction may not pay here", PAYER)
        if _refuses([payment.terms.pay_to], *lists.recipients):
            yield Refusal("this recipient may not be paid here", RECIPIENT)
        if _refuses([payment.requirements.asset], *lists.assets):
            yield Refusal("this asset may not be paid here", ASSET)
        if _refuses([payment.caller], *lists.callers):
            yield Refusal("payments of this API key are refused here", CALLER)
        if _refuses_resource(payment, *lists.resources):
            yield Refusal("this resource may not be paid for here", RESOURCE)


def _keys(payers: Collection[str]) -> frozenset[bytes]:
    return frozenset(map(key_hash_of, payers))


def _addresses(addresses: Collection[str]) -> frozenset[bytes]:
    return frozenset(map(parse_address, addresses))


def _refuses(values: Collection[T], allowed: Collection[T], denied: Collection[T]) -> bool:
    """Return True if one value is denied, or not all are allowed; no list allows all."""
    if any(value in denied for value in values):
        return True
    return bool(allowed) and not (values and all(value in allowed for value in values))


def _refuses_resource(
    payment: PaymentView, allowed: tuple[str, ...], denied: tuple[str, ...]
) -> bool:
    url = (payment.resource or {}).get("url")
    if not isinstance(url, str):
        return bool(allowed)
    return url.startswith(denied) or (bool(allowed) and not url.startswith(allowed))
