"""Claims in batches: which channels to redeem now, and the message that has it done.

A claim is one transaction over many channels, and costs the same for one request or a thousand. So
open channels are redeemed when that is worth its fee. A channel that its consumer has closed is
settled at once: from ``elapseAt`` the consumer may take what is left.
"""

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from facilitator_channels.draft import SCHEME
from facilitator_channels.seller.notices import keep
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.values import ChannelView, Iou

_BASE_LOVELACE, _EACH_LOVELACE = 221_768, 34_959
"""The fee of a claim over ADA channels with a reference script, and of each channel in it.

Measured on preprod: RESULTS.md of loveaihq/subbit-x402.
"""
_FEE_SHARE = 10
"""An amount is worth redeeming if it is ten times the fee."""


@dataclass(frozen=True, slots=True)
class ClaimPolicy:
    """The amounts that are worth redeeming, in atomic units of the channels' asset."""

    base: int = _FEE_SHARE * _BASE_LOVELACE
    """The least sum of a claim, beside ``each`` of every channel in it."""
    each: int = _FEE_SHARE * _EACH_LOVELACE
    """The least amount of a channel that is in a claim."""
    least_settled: int = 1
    """The least amount for which a closed channel is settled. It is the last chance."""
    most_channels: int = 30
    """The most channels in one transaction; about 45 of ada, and 36 of a token, fit in one."""


class Redemption(NamedTuple):
    """A channel's part of a claim."""

    channel_id: str
    channel_ref: str
    iou: Iou
    total_claimed: int
    """The cumulative amount that is redeemed afterwards."""
    amount: int
    """The amount that is redeemed now."""
    is_settlement: bool
    """True if the channel is closed: the step is ``Settle``, else ``Sub``."""
    elapse_at: int
    """Unix seconds by which it must be in the chain; 0 for an open channel."""


class Terms(NamedTuple):
    """The terms that all channels of one claim have in common."""

    network: str
    script_hash: str
    receiver: str
    provider: bytes
    """The key hash that signs the claim."""
    token: str


class Batch(NamedTuple):
    """One claim; the channels with a deadline come first."""

    terms: Terms
    redemptions: tuple[Redemption, ...]


def redemption(record: ChannelRecord) -> Redemption | None:
    """Return what can be redeemed of a channel now; ``None`` if that is nothing."""
    view, iou = record.view, record.voucher
    total = min(record.charged, view.balance)
    if iou is None or not view.channel_ref or total <= view.total_claimed:
        return None
    return Redemption(
        record.channel_id,
        view.channel_ref,
        iou,
        total,
        total - view.total_claimed,
        bool(view.withdraw_requested_at),
        record.elapse_at,
    )


def choose(
    records: Iterable[ChannelRecord], policies: Mapping[str, ClaimPolicy], now_ms: int
) -> list[Batch]:
    """Return the claims to be made now; those with the nearest deadline come first.

    ``policies`` has one for each asset; without one, only closed channels are redeemed. A closed
    channel that a request still has is left for the next time, unless that is urgent: its charge
    belongs in the claim.
    """
    groups: dict[Terms, list[Redemption]] = defaultdict(list)
    for record in records:
        found = redemption(record)
        if found is None or (found.is_settlement and record.awaits_charge(now_ms)):
            continue
        config = record.config
        terms = Terms(
            record.network,
            record.script_hash,
            config.receiver,
            config.receiver_authorizer,
            config.token,
        )
        groups[terms].append(found)
    batches = [
        Batch(terms, each)
        for terms, group in groups.items()
        for each in _split(group, policies.get(terms.token))
    ]
    return sorted(batches, key=_deadline)


def claim_payload(redemptions: Iterable[Redemption], transaction: bytes) -> dict[str, Any]:
    """Return the payload of the claim for the facilitator's ``/settle``."""
    claims = [
        {"channelId": each.channel_id, "totalClaimed": str(each.total_claimed)}
        for each in redemptions
    ]
    encoded = b64encode(transaction).decode()
    return {"type": "claim", "transaction": encoded, "claims": claims}


def claim_requirements(batch: Batch) -> dict[str, Any]:
    """Return the requirements that come with a claim, which pays for no resource."""
    return {
        "scheme": SCHEME,
        "network": batch.terms.network,
        "asset": batch.terms.token,
        "amount": "0",
        "payTo": batch.terms.receiver,
        "maxTimeoutSeconds": 0,
        "extra": {},
    }


def redeemed(
    record: ChannelRecord | None, redemption: Redemption, channel_ref: str, now_ms: int
) -> tuple[ChannelRecord | None, None]:
    """Note that a claim was confirmed, which has moved the channel to ``channel_ref``.

    A settled channel is over for the seller, and has none. A rollback shows when the chain is next
    looked at.
    """
    if record is None or record.view.channel_ref != redemption.channel_ref:
        return record, None
    view = record.view
    moved = replace(view, channel_ref=channel_ref, total_claimed=redemption.total_claimed)
    if redemption.is_settlement:
        moved = ChannelView("", 0, redemption.total_claimed, view.withdraw_requested_at)
    return keep(record, replace(record, view=replace(moved, seen_at=now_ms)), now_ms), None


def _split(found: list[Redemption], policy: ClaimPolicy | None) -> list[tuple[Redemption, ...]]:
    """Return the claims over one group's channels."""
    limits = policy or ClaimPolicy()
    settled = [each for each in found if each.is_settlement and each.amount >= limits.least_settled]
    settled.sort(key=lambda each: each.elapse_at)
    opened = [each for each in found if not each.is_settlement and each.amount >= limits.each]
    opened.sort(key=lambda each: -each.amount)
    if policy is None:
        opened = []
    batches = []
    while settled or opened:
        chosen = settled[: limits.most_channels]
        del settled[: limits.most_channels]
        room = limits.most_channels - len(chosen)
        added, opened = opened[:room], opened[room:]
        worth = limits.base + limits.each * len(added)
        if not chosen and sum(each.amount for each in added) < worth:
            break
        batches.append((*chosen, *added))
    return batches


def _deadline(batch: Batch) -> tuple[bool, int]:
    first = batch.redemptions[0]
    return not first.is_settlement, first.elapse_at
