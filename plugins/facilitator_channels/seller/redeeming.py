"""One claim, in the order that loses no charge: seal, read, build, settle, note."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from facilitator.cardano.transaction import OutputRef
from facilitator_channels.seller.claims import (
    Batch,
    Redemption,
    claim_payload,
    claim_requirements,
    redeemed,
    redemption,
)
from facilitator_channels.seller.facilitator import Facilitator
from facilitator_channels.seller.steps import seal
from facilitator_channels.seller.store import Records


class SignedClaim(NamedTuple):
    """The transaction of a claim, signed by the provider."""

    transaction_id: str
    transaction: bytes
    positions: Mapping[str, str]
    """The position afterwards, ``txid#index``, of each channel that stays open, by its id."""
    spends: frozenset[OutputRef] = frozenset()
    """The outputs that it spends beside the channels. It may land as long as all are unspent."""
    until: int = 0
    """Unix ms after which it can no longer land; 0 if it always may."""


Build: TypeAlias = Callable[[Batch], SignedClaim]
"""Builds and signs a claim. From each channel it takes ``amount``, and no more."""


def redeem(
    records: Records, facilitator: Facilitator, batch: Batch, build: Build, now_ms: int
) -> Mapping[str, Any] | None:
    """Have one claim settled; return the facilitator's answer, ``None`` if there is none to make.

    A channel that is to be settled is sealed first, and its newest voucher is read then: no request
    is charged to it afterwards. One that a request has is left out. Raises what ``build`` does,
    :class:`~facilitator_channels.seller.store.StoreUnavailable` and
    :class:`~facilitator_channels.seller.facilitator.FacilitatorUnavailable`: then the claim may
    have landed, which shows when the chain is looked at.
    """
    taken = take(records, batch, now_ms)
    if taken is None:
        return None
    claim = build(taken)
    answer = submit(facilitator, taken, claim)
    if answer.get("success") is True:
        note(records, taken, claim, now_ms)
    return answer


def take(records: Records, batch: Batch, now_ms: int) -> Batch | None:
    """Return the batch as it is to be built; ``None`` if nothing is left of it.

    Channels that are to be settled are sealed: no request is charged to them from then on.
    """
    found = [_take(records, each, now_ms) for each in batch.redemptions]
    redemptions = tuple([each for each in found if each is not None])
    return batch._replace(redemptions=redemptions) if redemptions else None


def submit(facilitator: Facilitator, batch: Batch, claim: SignedClaim) -> Mapping[str, Any]:
    """Return the facilitator's answer to the claim. It may be asked any number of times.

    Raises :class:`~facilitator_channels.seller.facilitator.FacilitatorUnavailable`.
    """
    requirements = claim_requirements(batch)
    payload = claim_payload(batch.redemptions, claim.transaction)
    payment = {"x402Version": 2, "accepted": requirements, "payload": payload}
    return facilitator.settle(payment, requirements, claim.transaction_id)


def note(records: Records, batch: Batch, claim: SignedClaim, now_ms: int) -> None:
    """Note in each record that the claim is in the chain."""
    for each in batch.redemptions:
        _note(records, each, claim, now_ms)


def _take(records: Records, chosen: Redemption, now_ms: int) -> Redemption | None:
    """Return what can be redeemed of a channel where it was chosen; seal one that is closed."""
    ref = chosen.channel_ref
    if chosen.is_settlement and not records.change(
        chosen.channel_id, lambda each: seal(each, ref, "", now_ms)
    ):
        return None
    record = records.read(chosen.channel_id)
    found = None if record is None else redemption(record)
    is_same = found is not None and found.channel_ref == ref
    return found if is_same else None


def _note(records: Records, done: Redemption, claim: SignedClaim, now_ms: int) -> None:
    position = claim.positions.get(done.channel_id, "")
    records.change(done.channel_id, lambda each: redeemed(each, done, position, now_ms))
