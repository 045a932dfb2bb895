"""The steps of a channel's record: pure functions of the record before, which return the one after.

Each runs inside one atomic change of the store. It may run again there, after another change or a
lost reply: with the same request it then finds its own effect, and returns the same result.

Of the draft's rules for servers these go beyond it, to be safe for the seller:

- A record whose count is below what the chain shows as redeemed has lost its newest state, by a
  backup for example. It is treated as none: the next voucher restores the count.
- A refund needs a record. A server that has lost it cannot know what the refund owes.
- Once the seller has signed what ends a channel, it serves the channel no more: see ``seal``.
- A request whose reservation ran out is still charged if the channel was not taken since.
"""

from dataclasses import replace

from facilitator_channels.seller.notices import keep
from facilitator_channels.seller.record import (
    KEEP_MS,
    LAG_MS,
    ChannelRecord,
    KeptAnswer,
    Kind,
    Reservation,
    Seal,
)
from facilitator_channels.seller.request import (
    ABOVE_BALANCE,
    BELOW_CLAIMED,
    BUSY,
    CLOSED,
    MISMATCH,
    MISSING,
    OTHER_CONFIG,
    Admission,
    Admitted,
    ChannelRequest,
    Committed,
    Refusal,
)
from facilitator_channels.values import NOT_SEEN, ChannelView


def admit(record: ChannelRecord | None, request: ChannelRequest, now_ms: int) -> Admission:
    """Return what is to be done with a request whose voucher's signature is good."""
    if record is None:
        return _admit_new(request)
    if (record.config, record.network, record.script_hash) != (
        request.config,
        request.network,
        request.script_hash,
    ):
        return Refusal(OTHER_CONFIG, "the channel has other terms than channelConfig says")
    if (kept := _find_kept(record, request, now_ms)) is not None:
        return kept
    if record.busy(request.id, now_ms):
        return Refusal(BUSY, "another request of this channel is being worked for; try again")
    is_refused = record.is_sealed(now_ms) and request.kind is not Kind.REFUND
    if is_refused or record.is_closed(now_ms):
        return Refusal(CLOSED, "the channel is closed; open another one")
    if not _is_known(record):
        return _admit_new(request)
    if request.base != record.charged:
        message = f"maxClaimableAmount must be {record.charged + request.price} in this channel"
        return Refusal(MISMATCH, message, record)
    return Admitted(is_new=False)


def reserve(
    record: ChannelRecord | None, request: ChannelRequest, view: ChannelView | None, now_ms: int
) -> tuple[ChannelRecord | None, Admission]:
    """Take the channel for the request, which was verified.

    ``view`` is the facilitator's, if it was asked; else the record's own balance counts. That of an
    opening, which is not on the chain yet, is not kept.
    """
    if view is not None and request.kind is not Kind.OPENING and record is not None:
        record = sync(record, view)
    admission = admit(record, request, now_ms)
    if not isinstance(admission, Admitted):
        return record, admission
    seen = view if view is not None and request.kind is not Kind.OPENING else NOT_SEEN
    base = record or ChannelRecord(
        request.channel_id, request.network, request.script_hash, request.config, seen
    )
    if request.base < base.view.total_claimed:
        message = f"{base.view.total_claimed} is redeemed already; the count is at least that"
        return record, Refusal(BELOW_CLAIMED, message)
    is_by_record = view is None and request.kind is Kind.VOUCHER
    if is_by_record and request.voucher.amount > base.view.balance:
        return record, Refusal(ABOVE_BALANCE, refuse_above(base))
    pending = Reservation(request.id, now_ms + request.lifetime_ms)
    anchor = base.anchor_ref or base.view.channel_ref
    return replace(base, pending=pending, anchor_ref=anchor, answer=None), admission


def renew(
    record: ChannelRecord | None, request: ChannelRequest, now_ms: int
) -> tuple[ChannelRecord | None, bool]:
    """Hold the channel on for a request that is still worked for; return False if it was lost."""
    if record is None or record.pending is None or record.pending.id != request.id:
        return record, False
    pending = Reservation(request.id, now_ms + request.lifetime_ms)
    return replace(record, pending=pending), True


def commit(
    record: ChannelRecord | None,
    request: ChannelRequest,
    charge: int,
    view: ChannelView | None,
    now_ms: int,
) -> tuple[ChannelRecord | None, Committed | Refusal]:
    """Charge a request that was worked for, and keep its voucher.

    ``charge`` is the actual price, ``view`` the channel after a deposit. Without the request's own
    reservation it is charged all the same while the count is what it was and no other request has
    the channel. Raises :class:`ValueError` for a charge that the voucher does not cover.
    """
    if not 0 <= charge <= request.price:
        raise ValueError(f"a price of {charge} is not within 0 and {request.price}")
    if record is None:
        return None, Refusal(MISSING, "the channel ended while the request was worked for")
    if record.request_id == request.id:
        return record, Committed(record)
    if record.busy(request.id, now_ms):
        return record, Refusal(BUSY, "another request has taken the channel meanwhile")
    if record.is_sealed(now_ms):
        return record, Refusal(CLOSED, "the channel was settled while the request was worked for")
    if _is_known(record) and record.charged != request.base:
        return record, Refusal(MISMATCH, "another request was charged meanwhile", record)
    if view is not None:
        record = sync(record, view)
    if request.opening_ref not in ("", record.sponsored_ref):  # so no other one can land
        record = replace(record, sponsored_ref="", anchor_ref=request.opening_ref)
    record = replace(
        record,
        anchor_ref=record.anchor_ref or record.view.channel_ref,
        charged=request.base + charge,
        voucher=request.voucher,
        request_id=request.id,
        pending=None,
    )
    return record, Committed(record)


def sponsor(
    record: ChannelRecord | None, request: ChannelRequest
) -> tuple[ChannelRecord | None, bool]:
    """Note that the seller's signature under an opening leaves: the reserve is the seller's.

    Return False, and the signature must not leave, if the channel is not the request's any more.
    """
    if record is None or record.pending is None or record.pending.id != request.id:
        return record, False
    ref = request.opening_ref
    return replace(record, sponsored_ref=ref, anchor_ref=ref), True


def drop(
    record: ChannelRecord | None, request: ChannelRequest, now_ms: int, *, is_over: bool
) -> tuple[ChannelRecord | None, None]:
    """Free the channel of a request that is not charged.

    The record stays while an opening that the seller has signed for may land, and ``is_over`` says
    that the request's own can not: else the seller would forget that the reserve is its own.
    """
    if record is None or record.pending is None or record.pending.id != request.id:
        return record, None
    if record.voucher is not None:
        return replace(record, pending=None), None
    if not record.is_sponsored or (is_over and record.sponsored_ref == request.opening_ref):
        return None, None
    return replace(record, pending=Reservation(request.id, now_ms)), None


def seal(
    record: ChannelRecord | None, ref: str, request_id: str, now_ms: int
) -> tuple[ChannelRecord | None, bool]:
    """Serve the channel no more: the seller is about to sign what spends ``ref`` for good.

    That is a refund by the request that has the channel, or the settlement of a closed channel. It
    holds until the chain shows the channel elsewhere, since what was signed may land at any time.
    Return False while another request has the channel, or if the position is another one. A
    settlement that is urgent waits for no request.
    """
    if record is None or record.view.channel_ref != ref:
        return record, False
    if record.busy(request_id, now_ms) if request_id else record.awaits_charge(now_ms):
        return record, False
    return replace(record, seal=Seal(ref, now_ms)), True


def end(record: ChannelRecord | None, now_ms: int) -> tuple[ChannelRecord | None, None]:
    """Note that the refund was settled, which paid all that was charged.

    The record stays until the refund is deep in the chain: a rollback brings the channel back.
    """
    if record is None:
        return None, None
    ended = ChannelView("", 0, record.charged, record.view.withdraw_requested_at, now_ms)
    return keep(record, replace(record, view=ended, pending=None), now_ms), None


def sync(record: ChannelRecord, view: ChannelView, anchor_ref: str = "") -> ChannelRecord:
    """Take over what the chain shows, unless the record has seen newer.

    A rollback shows as a smaller balance, less redeemed, or a close that is gone. Count and voucher
    stay.
    """
    if view.seen_at < record.view.seen_at:
        return record
    is_closed = view.withdraw_requested_at
    shut_until = view.seen_at + LAG_MS if is_closed else record.shut_until
    anchor_ref = anchor_ref or record.anchor_ref
    return replace(record, view=view, anchor_ref=anchor_ref, shut_until=shut_until)


def refuse_above(record: ChannelRecord) -> str:
    """Return the sentence for a voucher above the balance."""
    return f"the channel can pay {record.view.balance}; top it up"


def _admit_new(request: ChannelRequest) -> Admission:
    if request.kind is Kind.REFUND:
        return Refusal(MISSING, "this server knows of no such channel; close it on the chain")
    is_opening = request.kind is Kind.OPENING
    if request.base < 0 or (is_opening and request.base):
        return Refusal(MISMATCH, f"maxClaimableAmount must be {request.price} in a new channel")
    return Admitted(is_new=True)


def _is_known(record: ChannelRecord) -> bool:
    """Return True if the record says what was charged."""
    return record.voucher is not None and record.charged >= record.view.total_claimed


def _find_kept(record: ChannelRecord, request: ChannelRequest, now_ms: int) -> KeptAnswer | None:
    answer = record.answer
    if answer is None or record.voucher is None or now_ms - answer.at > KEEP_MS:
        return None
    # Once its deposit is in the chain, a client repeats the IOU of the deposit as a voucher.
    is_voucher_of_deposit = request.kind is Kind.VOUCHER and answer.kind is not Kind.REFUND
    if answer.kind is not request.kind and not is_voucher_of_deposit:
        return None
    if answer.kind is Kind.REFUND:
        return answer if request.voucher.amount == record.charged else None
    return answer if request.voucher == record.voucher else None
