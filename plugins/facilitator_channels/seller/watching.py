"""Looking at a channel on the chain: a pure step, and what it asks for.

No message says that a consumer has closed a channel, that a claim was rolled back, or that a
channel has ended. The record takes over what the chain shows, and outlasts what may be undone.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from facilitator_channels.seller.claims import ClaimPolicy, redemption
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.steps import sync
from facilitator_channels.values import ChannelView


@dataclass(frozen=True, slots=True)
class Ended:
    """A channel that is over for the seller: settled, refunded, or taken by the consumer."""

    redeemed: int
    """The cumulative amount that the seller has redeemed."""
    is_deep: bool
    """True if what ended it will not be rolled back."""
    seen_at: int
    """Unix ms, no later than the chain was asked."""


Seen: TypeAlias = ChannelView | Ended | None
"""A channel as the chain shows it; ``None`` where that is unknown, as while an index lags."""


class Verdict(Enum):
    """The next thing to do with a channel."""

    SETTLE = "settle"
    """The consumer has closed it: redeem what is left before ``elapse_at``."""
    CLAIM = "claim"
    """Its charges are worth a place in the next claim."""
    NOTHING = "nothing"
    DROPPED = "dropped"
    """It has ended for good, and its record goes."""


def watch(
    record: ChannelRecord | None,
    seen: Seen,
    anchor_ref: str,
    policy: ClaimPolicy,
    now_ms: int,
) -> tuple[ChannelRecord | None, Verdict]:
    """Take over what the chain shows; return the record after it, and what to do.

    ``anchor_ref`` is a position deep enough to stay, or empty. The record goes only once what ended
    the channel is that deep: until then it is the only copy of what a rollback brings back.
    """
    if record is None:
        return None, Verdict.NOTHING
    if isinstance(seen, Ended):
        return _end(record, seen)
    if seen is not None:
        record = sync(record, seen, anchor_ref)
    elif record.voucher is None and not record.may_begin(now_ms):
        return None, Verdict.DROPPED  # left by a process that was killed in its first request
    return record, decide(record, policy)


def outlast(record: ChannelRecord | None, seen: Seen) -> Seen:
    """Return what was seen, so that a record stays until the notice of its end is taken."""
    is_taken = record is None or not (record.notices or record.view.channel_ref)
    return seen if is_taken or not isinstance(seen, Ended) else replace(seen, is_deep=False)


def decide(record: ChannelRecord, policy: ClaimPolicy) -> Verdict:
    """Return what is to be done with a channel as its record shows it."""
    found = redemption(record)
    if found is None:
        return Verdict.NOTHING
    if found.is_settlement:
        return Verdict.SETTLE if found.amount >= policy.least_settled else Verdict.NOTHING
    return Verdict.CLAIM if found.amount >= policy.each else Verdict.NOTHING


def _end(record: ChannelRecord, seen: Ended) -> tuple[ChannelRecord | None, Verdict]:
    if seen.seen_at < record.view.seen_at:
        return record, Verdict.NOTHING
    if seen.is_deep:
        return None, Verdict.DROPPED
    requested = record.view.withdraw_requested_at
    view = ChannelView("", 0, seen.redeemed, requested, seen.seen_at)
    return replace(record, view=view), Verdict.NOTHING
