"""A request for a page that a channel pays, as the steps of its record see it."""

from dataclasses import dataclass
from typing import TypeAlias

from facilitator_channels.draft import REASON_PREFIX
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.record import ChannelRecord, KeptAnswer, Kind
from facilitator_channels.values import Iou

_SHORTEST_MS, _LONGEST_MS = 5_000, 600_000


@dataclass(frozen=True, slots=True)
class ChannelRequest:
    """One request: what it pays by, and the most that it may cost."""

    id: str
    """The server's own, new for each request."""
    kind: Kind
    channel_id: str
    network: str
    script_hash: str
    config: ChannelConfig
    voucher: Iou
    price: int
    """The most that the page costs; 0 for a refund."""
    lifetime_ms: int
    """The time for which a reservation holds unless it is renewed."""
    opening_ref: str = ""
    """The channel's output in an opening, if the seller is a sponsor; else empty."""

    @property
    def base(self) -> int:
        """Return the count that the voucher is made for."""
        return self.voucher.amount - self.price


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not served."""

    reason: str
    """As it is written in an answer."""
    message: str
    record: ChannelRecord | None = None
    """The channel's state for the client to take over: a corrective answer."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may be worked for."""

    is_new: bool
    """True if there was no usable record: the voucher says what was charged."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A request that is charged, durably once the record is stored."""

    record: ChannelRecord


Admission: TypeAlias = Admitted | KeptAnswer | Refusal

BUSY = REASON_PREFIX + "channel_busy"
CLOSED = ChannelReason.CHANNEL_CLOSED
MISMATCH = REASON_PREFIX + "cumulative_amount_mismatch"
MISSING = REASON_PREFIX + "missing_channel"
ABOVE_BALANCE = ChannelReason.CUMULATIVE_EXCEEDS_BALANCE
BELOW_CLAIMED = ChannelReason.CUMULATIVE_BELOW_CLAIMED
OTHER_CONFIG = ChannelReason.CHANNEL_CONFIG


def clamp_lifetime(timeout_seconds: float) -> int:
    """Return the ms for which a request reserves its channel: 5 s to 10 minutes."""
    return round(min(max(timeout_seconds * 1000, _SHORTEST_MS), _LONGEST_MS))
