"""Notices of what became of a seller's channels, by the records before and after a change.

A record keeps the notices that were not taken yet. They are written by the change that they are
about, so that none is lost, and the record does not go before they have gone.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, NamedTuple

from facilitator.plugin import iso_time
from facilitator_channels.seller.record import ChannelRecord, KeptNotice
from facilitator_channels.seller.views import patience_ms

UNSEEN_PATIENCES = 3
"""A channel that was not seen for so often the time after which it is asked for is out of sight."""


class NoticeKind(StrEnum):
    """A change of a channel."""

    CLOSED = "closed"
    """Its consumer has closed it: redeem what is left before ``elapseAt``."""
    RESTORED = "restored"
    """A rollback undid its close or its end."""
    ENDED = "ended"
    """It is settled, refunded or taken. Only ``RESTORED`` may follow."""


class Notice(NamedTuple):
    """A notice of a change. It may come more than once, with the same :attr:`id`."""

    kept: KeptNotice
    record: ChannelRecord
    """The channel's record as it is when the notice is given."""

    @property
    def kind(self) -> NoticeKind:
        """The kind of the change."""
        return NoticeKind(self.kept.kind)

    @property
    def id(self) -> str:
        """A name that no other change has: neither of another channel, nor a later one of this."""
        return f"{self.kept.number}-{self.record.channel_id}"

    def to_json(self) -> Mapping[str, Any]:
        """Return it as JSON, to be sent to others."""
        record = self.record
        return {
            "id": self.id,
            "type": f"channel.{self.kind}",
            "network": record.network,
            "channelId": record.channel_id,
            "channelRef": record.view.channel_ref,
            "payer": record.config.payer.hex(),
            "payTo": record.config.receiver,
            "asset": record.config.token,
            "unredeemed": str(record.unredeemed),
            "elapseAt": iso_time(record.elapse_at) if record.elapse_at else None,
            "reserveFrom": "seller" if record.is_sponsored else "payer",
        }


def is_due(record: ChannelRecord) -> bool:
    """Return True if the consumer has closed the channel, and it has not ended."""
    return bool(record.view.withdraw_requested_at and record.view.channel_ref)


def is_unseen(record: ChannelRecord, now_ms: int) -> bool:
    """Return True if the channel was not seen although it was asked for again and again."""
    return bool(record.view.channel_ref) and (
        now_ms - record.view.seen_at > UNSEEN_PATIENCES * patience_ms(record)
    )


def was_closed(record: ChannelRecord) -> bool:
    """Return True if it was closed when it was seen, or an index may have lagged behind that."""
    return record.is_closed(record.view.seen_at)


def compare(before: ChannelRecord, after: ChannelRecord | None) -> NoticeKind | None:
    """Return the change by a look; ``None`` if there is none to give notice of."""
    if not before.view.channel_ref:
        was_seen = before.view.seen_at > 0
        return NoticeKind.RESTORED if was_seen and after and after.view.channel_ref else None
    if after is None or not after.view.channel_ref:
        return NoticeKind.ENDED
    if was_closed(after) == was_closed(before):
        return None
    return NoticeKind.CLOSED if was_closed(after) else NoticeKind.RESTORED


def keep(
    before: ChannelRecord | None, after: ChannelRecord | None, now_ms: int
) -> ChannelRecord | None:
    """Return the record after a change, with the notice of it.

    Its number is the time, or the next one if that is not later than the last notice's. So a record
    that is made again, after its end was undone, does not count from the start.
    """
    if before is None or after is None or (kind := compare(before, after)) is None:
        return after
    number = max(before.last_notice + 1, now_ms)
    notices = (*after.notices, KeptNotice(kind, number))
    return replace(after, notices=notices, last_notice=number, noticed_at=now_ms)


def begin(
    record: ChannelRecord | None, patience_ms: int, now_ms: int
) -> tuple[ChannelRecord | None, bool]:
    """Return True if the record's notices are to be given now, which no other process begins."""
    if record is None or not record.notices or now_ms - record.noticed_at < patience_ms:
        return record, False
    return replace(record, noticed_at=now_ms), True


def taken(record: ChannelRecord | None, notice: KeptNotice) -> tuple[ChannelRecord | None, None]:
    """Note that the notice was taken."""
    if record is None or notice not in record.notices:
        return record, None
    left = tuple(each for each in record.notices if each != notice)
    return replace(record, notices=left), None
