"""The record of one channel: a value.

It holds the only copy of the newest voucher. To lose it is to lose all that was charged and not
redeemed. So the count and the voucher never go back; only the view of the chain may.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from facilitator_channels.messages import ChannelConfig
from facilitator_channels.values import NOT_SEEN, ChannelView, Iou

KEEP_MS = 600_000
"""The age up to which an answer is repeated, 10 minutes."""
LAG_MS = 300_000
"""The time after which an index does not lag: what it shows against an earlier view is a rollback.
"""

URGENT = 3
"""A closed channel is urgent in the last so-many-th part of its period."""


class Kind(Enum):
    """A request's kind, by its payload."""

    VOUCHER = "voucher"
    OPENING = "opening"
    TOP_UP = "topUp"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A channel's one request that is being worked for."""

    id: str
    expires_at: int
    """Unix ms from which another request may take the channel."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """The answer to the newest voucher, for a client that has lost it."""

    kind: Kind
    at: int
    """Unix ms."""
    settlement: bytes
    """The settlement response as JSON."""
    response: bytes
    """The framework's own form of the response."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The seller's signature under what ends the channel: a refund, or a settlement."""

    ref: str
    """The position that it spends."""
    at: int
    """Unix ms when it was signed."""


class KeptNotice(NamedTuple):
    """A notice of a change that was not taken yet."""

    kind: str
    number: int
    """Greater than those of all changes of the channel before, and its alone."""


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """All that a seller knows of a channel."""

    channel_id: str
    """The channel's tag, 32 bytes in hex."""
    network: str
    script_hash: str
    config: ChannelConfig
    view: ChannelView = NOT_SEEN
    anchor_ref: str = ""
    """A former position, deep enough to stay on the chain, from which the channel is followed."""
    charged: int = 0
    """The cumulative amount that was charged."""
    voucher: Iou | None = None
    """The newest one that was charged; ``None`` in a record made for its first request."""
    request_id: str = ""
    """The request that the voucher paid for."""
    pending: Reservation | None = None
    answer: KeptAnswer | None = None
    seal: Seal | None = None
    shut_until: int = 0
    """Unix ms before which an open channel may be one that an index has not seen closed yet."""
    asked_at: int = 0
    """Unix ms when the facilitator was last asked about an amount above the balance."""
    notices: tuple[KeptNotice, ...] = ()
    """Notices that were not taken yet, the oldest first."""
    last_notice: int = 0
    """Number of the newest notice, whether it was taken or not."""
    noticed_at: int = 0
    """Unix ms when one was last begun to be given, or became due."""
    sponsored_ref: str = ""
    """The channel's output in an opening that the seller has signed for as a sponsor; else empty.
    """

    @property
    def is_sponsored(self) -> bool:
        """Return True if the seller has paid the reserve, which a refund gives back."""
        return bool(self.sponsored_ref)

    @property
    def signed(self) -> int:
        """Return ``signedMaxClaimable``, the amount of the newest voucher."""
        return self.voucher.amount if self.voucher else 0

    @property
    def unredeemed(self) -> int:
        """Return the amount that was charged and not redeemed yet."""
        return max(0, self.charged - self.view.total_claimed)

    def is_sealed(self, now_ms: int) -> bool:
        """Return True while what the seller has signed may end the channel.

        It may land as long as its position is not spent by another transaction. An index that lags
        shows an older position for a while.
        """
        seal = self.seal
        if seal is None:
            return False
        return self.view.channel_ref in ("", seal.ref) or now_ms < seal.at + LAG_MS

    def is_closed(self, now_ms: int) -> bool:
        """Return True while the consumer has closed it, or an index may lag behind that."""
        return bool(self.view.withdraw_requested_at) or now_ms < self.shut_until

    @property
    def elapse_at(self) -> int:
        """Return the Unix seconds from which the consumer may take all; 0 while it is open."""
        requested = self.view.withdraw_requested_at
        return requested + self.config.withdraw_delay if requested else 0

    def is_urgent(self, now_ms: int) -> bool:
        """Return True while a closed channel is near its end, or past it."""
        until_end = self.elapse_at - now_ms / 1000
        return self.elapse_at > 0 and until_end < self.config.withdraw_delay / URGENT

    def may_begin(self, now_ms: int) -> bool:
        """Return True while a channel without a voucher may get one, or its opening may land.

        No opening by a sponsor's offer lasts longer than the delay of a withdrawal.
        """
        if not self.is_sponsored:
            return self.busy("", now_ms)
        if self.view.channel_ref or self.pending is None:
            return True
        return now_ms < self.pending.expires_at + self.config.withdraw_delay * 1000 + LAG_MS

    def busy(self, request_id: str, now_ms: int) -> bool:
        """Return True if another request has the channel."""
        pending = self.pending
        return pending is not None and pending.id != request_id and now_ms < pending.expires_at

    def awaits_charge(self, now_ms: int) -> bool:
        """Return True while a settlement waits for the request that has the channel.

        A request may have it for long, and its charge is one price. So none delays what is urgent.
        """
        return self.busy("", now_ms) and not self.is_urgent(now_ms)

    def state_json(self) -> dict[str, Any]:
        """Return the draft's ``channelState``."""
        return {
            "channelId": self.channel_id,
            **self.view.to_json(),
            "chargedCumulativeAmount": str(self.charged),
        }
