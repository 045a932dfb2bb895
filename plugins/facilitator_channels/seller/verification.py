"""A voucher by the record alone, if that is fresh enough; else the facilitator is asked."""

from dataclasses import replace

from facilitator_channels.seller.record import ChannelRecord

ASK_AGAIN_MS = 30_000
"""The least time between two questions about amounts above a channel's balance."""
_SHORTEST_MS, _LONGEST_MS = 30_000, 300_000


def is_fresh(record: ChannelRecord, now_ms: int) -> bool:
    """Return True if the record's view of the chain is young enough to serve by.

    A third of the close period, 30 seconds to 5 minutes: a close that is not seen yet can still be
    settled.
    """
    if record.voucher is None or not record.view.channel_ref:
        return False
    if record.charged < record.view.total_claimed:
        return False
    third = record.config.withdraw_delay * 1000 // 3
    return 0 <= now_ms - record.view.seen_at <= min(max(third, _SHORTEST_MS), _LONGEST_MS)


def ask(record: ChannelRecord | None, now_ms: int) -> tuple[ChannelRecord | None, bool]:
    """Return True if the facilitator may be asked about an amount above the balance now."""
    if record is None:
        return None, True
    if now_ms < record.asked_at + ASK_AGAIN_MS:
        return record, False
    return replace(record, asked_at=now_ms), True
