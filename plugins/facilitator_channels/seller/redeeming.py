"""One claim, in the order that loses no charge: seal, read, build, settle, note."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

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
    found = [_take(records, each, now_ms) for each in batch.redemptions]
    redemptions = tuple([each for each in found if each is not None])
    if not redemptions:
        return None
    batch = batch._replace(redemptions=redemptions)
    claim = build(batch)
    requirements = claim_requirements(batch)
    payload = claim_payload(redemptions, claim.transaction)
    payment = {"x402Version": 2, "accepted": requirements, "payload": payload}
    answer = facilitator.settle(payment, requirements, claim.transaction_id)
    if answer.get("success") is True:
        for each in redemptions:
            _note(records, each, claim, now_ms)
    return answer


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
