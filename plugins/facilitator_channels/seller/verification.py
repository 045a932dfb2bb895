"""The check of a voucher without the facilitator: by a record that is fresh enough."""

from facilitator_channels.seller.record import ChannelRecord

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
