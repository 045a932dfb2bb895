"""The steps of a channel's record, one by one. Histories of them: see test_channel_histories."""

from dataclasses import replace

import pytest

from facilitator_channels.seller.record import (
    KEEP_MS,
    LAG_MS,
    ChannelRecord,
    KeptAnswer,
    Kind,
    Reservation,
)
from facilitator_channels.seller.record_json import decode_record, encode_record
from facilitator_channels.seller.request import (
    Admitted,
    ChannelRequest,
    Committed,
    Refusal,
    clamp_lifetime,
)
from facilitator_channels.seller.steps import (
    admit,
    commit,
    drop,
    end,
    renew,
    reserve,
    seal,
    sponsor,
    sync,
)
from facilitator_channels.seller.testing import CONFIG, example_record
from facilitator_channels.seller.verification import ASK_AGAIN_MS, ask
from facilitator_channels.values import ChannelView, Iou

NOW = 1_800_000_000_000
REF, NEXT_REF = "aa" * 32 + "#0", "ab" * 32 + "#1"
OPEN = ChannelView(REF, 1_000, 0, 0, NOW)
CLOSED = ChannelView(REF, 1_000, 0, NOW // 1000, NOW)
ANSWER = KeptAnswer(Kind.VOUCHER, NOW, b'{"success":true}', b"page")


def request(
    amount: int,
    price: int = 10,
    kind: Kind = Kind.VOUCHER,
    request_id: str = "one",
    signature: bytes = b"",
) -> ChannelRequest:
    voucher = Iou(amount, signature or amount.to_bytes(64))
    known = ("11" * 32, "cardano:preprod", "ee" * 28, CONFIG)
    return ChannelRequest(request_id, kind, *known, voucher, price, 5_000)


def record(charged: int = 50, view: ChannelView = OPEN, **changes: object) -> ChannelRecord:
    return replace(example_record(charged=charged), view=view, anchor_ref=REF, **changes)  # type: ignore[arg-type]


def reason(result: object) -> str:
    assert isinstance(result, Refusal), result
    return result.reason.removeprefix("invalid_batch_settlement_cardano_")


def reserved(
    before: ChannelRecord | None, asked: ChannelRequest, view: ChannelView | None = None
) -> ChannelRecord:
    after, admission = reserve(before, asked, view, NOW)
    assert isinstance(admission, Admitted), admission
    assert after is not None
    return after


def committed(
    before: ChannelRecord | None,
    asked: ChannelRequest,
    charge: int = 10,
    view: ChannelView | None = None,
    now: int = NOW,
) -> ChannelRecord:
    after, result = commit(before, asked, charge, view, now)
    assert isinstance(result, Committed), result
    assert after is result.record
    return after


class TestTheCount:
    def test_a_voucher_for_exactly_one_price_more_is_admitted(self) -> None:
        assert admit(record(50), request(60), NOW) == Admitted(is_new=False)

    @pytest.mark.parametrize("amount", [0, 50, 59, 61, 70, 2**64 - 1])
    def test_any_other_amount_is_answered_with_the_state(self, amount: int) -> None:
        refusal = admit(record(50), request(amount), NOW)
        assert reason(refusal) == "cumulative_amount_mismatch"
        assert isinstance(refusal, Refusal)
        assert refusal.record == record(50)
        assert refusal.reason == "invalid_batch_settlement_cardano_cumulative_amount_mismatch"

    def test_a_refund_is_for_exactly_what_was_charged(self) -> None:
        assert admit(record(50), request(50, 0, Kind.REFUND), NOW) == Admitted(is_new=False)
        for amount in (49, 51, 0):
            refund = request(amount, 0, Kind.REFUND)
            assert reason(admit(record(50), refund, NOW)) == "cumulative_amount_mismatch"

    def test_it_moves_by_the_actual_price(self) -> None:
        after = committed(reserved(record(50), request(60)), request(60), charge=3)
        assert (after.charged, after.signed) == (53, 60)
        assert admit(after, request(63, request_id="two"), NOW) == Admitted(is_new=False)

    @pytest.mark.parametrize("charge", [-1, 11])
    def test_a_price_above_the_agreed_one_is_an_error(self, charge: int) -> None:
        with pytest.raises(ValueError, match="is not within 0 and 10"):
            commit(reserved(record(50), request(60)), request(60), charge, None, NOW)

    def test_other_terms_than_the_channels_are_refused(self) -> None:
        other = replace(request(60), config=replace(CONFIG, payer_authorizer=b"\x0d" * 32))
        assert reason(admit(record(50), other, NOW)) == "channel_config"
        assert reason(admit(record(50), replace(request(60), network="x"), NOW)) == "channel_config"

    def test_the_balance_counts_again_when_the_channel_is_taken(self) -> None:
        """A rollback of a top-up was seen since the request was verified by the record."""
        poor = record(50, replace(OPEN, balance=59))
        after, refusal = reserve(poor, request(60), None, NOW)
        assert (after, reason(refusal)) == (poor, "cumulative_exceeds_balance")
        assert reserve(poor, request(60), replace(OPEN, seen_at=NOW + 1), NOW)[1] == Admitted(False)


class TestWithoutARecord:
    def test_the_voucher_says_what_was_charged(self) -> None:
        after = committed(reserved(None, request(60), OPEN), request(60), charge=4)
        assert (after.charged, after.signed, after.view, after.anchor_ref) == (54, 60, OPEN, REF)

    def test_the_count_is_not_below_what_was_redeemed(self) -> None:
        view = replace(OPEN, total_claimed=51)
        after, refusal = reserve(None, request(60), view, NOW)
        assert (after, reason(refusal)) == (None, "cumulative_below_claimed")
        assert reserve(None, request(61), view, NOW)[1] == Admitted(is_new=True)

    def test_an_opening_pays_for_one_request(self) -> None:
        assert admit(None, request(10, kind=Kind.OPENING), NOW) == Admitted(is_new=True)
        for amount in (9, 11):
            opening = request(amount, kind=Kind.OPENING)
            assert reason(admit(None, opening, NOW)) == "cumulative_amount_mismatch"
        assert reason(admit(None, request(9), NOW)) == "cumulative_amount_mismatch"

    def test_nothing_is_refunded(self) -> None:
        assert reason(admit(None, request(0, 0, Kind.REFUND), NOW)) == "missing_channel"

    def test_an_opening_that_fails_leaves_none(self) -> None:
        opening = request(10, kind=Kind.OPENING)
        before = reserved(None, opening, ChannelView("", 1_000, 0, 0, NOW))
        assert before.view == ChannelView()
        other = request(10, kind=Kind.OPENING, request_id="other")
        assert drop(before, other, NOW, is_over=True) == (before, None)
        assert drop(before, opening, NOW, is_over=False) == (None, None)

    def test_an_opening_that_the_seller_signed_for_is_remembered(self) -> None:
        first = replace(request(10, kind=Kind.OPENING), opening_ref=REF)
        other = replace(first, id="other", opening_ref=NEXT_REF)
        signed, may_leave = sponsor(reserved(None, first), first)
        assert may_leave
        assert signed is not None
        assert sponsor(signed, other) == (signed, False)
        assert drop(signed, first, NOW, is_over=True) == (None, None)
        kept, _ = drop(signed, first, NOW, is_over=False)
        again = reserved(kept, other)
        assert drop(again, other, NOW, is_over=True)[0] is not None
        assert committed(reserved(kept, first), first).is_sponsored
        landed = committed(again, other, view=replace(OPEN, channel_ref=NEXT_REF))
        assert (landed.is_sponsored, landed.anchor_ref) == (False, NEXT_REF)

    def test_an_opening_that_landed_has_its_position(self) -> None:
        opening = request(10, kind=Kind.OPENING)
        after = committed(reserved(None, opening), opening, view=OPEN)
        assert (after.view, after.anchor_ref, after.charged) == (OPEN, REF, 10)

    def test_one_that_lost_its_newest_state_is_restored_by_the_next_voucher(self) -> None:
        """A backup says 50, the chain shows that 70 is redeemed."""
        old = record(50, replace(OPEN, total_claimed=70))
        assert reason(admit(old, request(50, 0, Kind.REFUND), NOW)) == "missing_channel"
        assert reason(reserve(old, request(60), None, NOW)[1]) == "cumulative_below_claimed"
        after = committed(reserved(old, request(85)), request(85))
        assert (after.charged, after.signed) == (85, 85)


class TestReservations:
    def test_a_channel_has_one_request_at_a_time(self) -> None:
        before = reserved(record(50), request(60))
        assert reason(admit(before, request(60, request_id="two"), NOW + 4_999)) == "channel_busy"
        assert admit(before, request(60), NOW) == Admitted(is_new=False)
        assert admit(before, request(60, request_id="two"), NOW + 5_000) == Admitted(is_new=False)

    def test_a_failed_request_frees_the_channel(self) -> None:
        before = record(50)
        assert drop(reserved(before, request(60)), request(60), NOW, is_over=False)[0] == before

    def test_it_is_renewed_by_its_request_alone(self) -> None:
        before = reserved(record(50), request(60))
        after, is_held = renew(before, request(60), NOW + 9_000)
        assert is_held
        assert after == replace(before, pending=Reservation("one", NOW + 14_000))
        assert renew(before, request(60, request_id="two"), NOW) == (before, False)
        assert renew(record(50), request(60), NOW) == (record(50), False)
        assert renew(None, request(60), NOW) == (None, False)

    def test_a_late_request_is_charged_if_the_channel_was_not_taken(self) -> None:
        before = reserved(record(50), request(60))
        assert committed(before, request(60), now=NOW + 90_000).charged == 60
        assert committed(record(50), request(60), now=NOW + 90_000).charged == 60

    def test_a_late_request_is_not_charged_beside_another(self) -> None:
        other = request(60, request_id="two", signature=b"\xcc" * 64)
        taken, _ = reserve(reserved(record(50), request(60)), other, None, NOW + 5_000)
        late = commit(taken, request(60), 10, None, NOW + 5_001)
        assert (late[0], reason(late[1])) == (taken, "channel_busy")
        done = committed(taken, other, now=NOW + 5_002)
        late = commit(done, request(60), 10, None, NOW + 5_003)
        assert (late[0], reason(late[1])) == (done, "cumulative_amount_mismatch")

    def test_a_charge_is_made_once(self) -> None:
        """The change was made and its reply lost: the step runs again."""
        after = committed(reserved(record(50), request(60)), request(60))
        assert committed(after, request(60)) == after

    def test_the_record_may_be_gone(self) -> None:
        assert reason(commit(None, request(60), 10, None, NOW)[1]) == "missing_channel"

    @pytest.mark.parametrize(
        ("seconds", "ms"), [(0, 5_000), (60, 60_000), (10**6, 600_000), (5.5, 5_500)]
    )
    def test_they_hold_from_5_seconds_to_10_minutes(self, seconds: float, ms: int) -> None:
        assert clamp_lifetime(seconds) == ms


def answered(after: ChannelRecord) -> ChannelRecord:
    return replace(after, answer=ANSWER)


class TestRepeats:
    def test_the_newest_voucher_gets_the_kept_answer(self) -> None:
        after = answered(committed(reserved(record(50), request(60)), request(60)))
        for now in (NOW, NOW + KEEP_MS):
            assert admit(after, request(60, request_id="two"), now) == ANSWER
        late = admit(after, request(60, request_id="two"), NOW + KEEP_MS + 1)
        assert reason(late) == "cumulative_amount_mismatch"

    def test_another_signature_or_an_older_voucher_does_not(self) -> None:
        after = answered(committed(reserved(record(50), request(60)), request(60)))
        forged = request(60, request_id="two", signature=b"\xcc" * 64)
        assert reason(admit(after, forged, NOW)) == "cumulative_amount_mismatch"
        assert reason(admit(after, request(50), NOW)) == "cumulative_amount_mismatch"

    @pytest.mark.parametrize("kind", [Kind.OPENING, Kind.TOP_UP])
    def test_a_voucher_repeats_the_iou_of_a_deposit(self, kind: Kind) -> None:
        """The deposit is in the chain meanwhile, and the client still waits for its page."""
        kept = replace(ANSWER, kind=kind)
        after = replace(committed(reserved(record(50), request(60)), request(60)), answer=kept)
        assert admit(after, request(60, request_id="two"), NOW) == kept
        assert admit(after, request(60, kind=kind, request_id="two"), NOW) == kept
        refund = request(60, 0, Kind.REFUND, request_id="two")
        assert admit(after, refund, NOW) == Admitted(is_new=False)

    def test_a_refund_is_no_repeat_of_the_voucher_of_the_same_amount(self) -> None:
        after = answered(committed(reserved(record(50), request(60)), request(60)))
        refund = request(60, 0, Kind.REFUND, request_id="two")
        assert admit(after, refund, NOW) == Admitted(is_new=False)

    def test_one_that_is_still_worked_for_is_busy(self) -> None:
        before = reserved(record(50), request(60))
        assert reason(admit(before, request(60, request_id="two"), NOW)) == "channel_busy"


class TestEnds:
    def test_a_closed_channel_takes_no_request(self) -> None:
        for kind, amount, price in [(Kind.VOUCHER, 60, 10), (Kind.REFUND, 50, 0)]:
            refused = admit(record(50, CLOSED), request(amount, price, kind), NOW)
            assert reason(refused) == "channel_closed"

    def test_a_request_that_began_before_the_close_is_charged(self) -> None:
        before = sync(reserved(record(50), request(60)), replace(CLOSED, seen_at=NOW + 1))
        assert committed(before, request(60)).charged == 60

    def test_nothing_is_charged_once_the_settlement_is_signed(self) -> None:
        before = record(50, CLOSED)
        after, is_sealed = seal(before, REF, "", NOW)
        assert is_sealed
        assert reason(commit(after, request(60), 10, None, NOW)[1]) == "channel_closed"

    def test_a_settlement_waits_for_the_request_that_has_the_channel(self) -> None:
        before = sync(reserved(record(50), request(60)), replace(CLOSED, seen_at=NOW + 1))
        assert seal(before, REF, "", NOW) == (before, False)
        assert seal(before, NEXT_REF, "", NOW + 5_000) == (before, False)
        assert seal(before, REF, "", NOW + 5_000)[1]

    def test_a_signed_refund_ends_the_service_until_the_channel_has_moved(self) -> None:
        refund = request(50, 0, Kind.REFUND)
        after, is_sealed = seal(reserved(record(50), refund), REF, refund.id, NOW)
        assert is_sealed
        assert after is not None
        after, _ = drop(after, refund, NOW, is_over=False)
        assert after is not None
        assert reason(admit(after, request(60), NOW)) == "channel_closed"
        assert admit(after, replace(refund, id="two"), NOW) == Admitted(is_new=False)
        assert reason(admit(after, request(60), NOW + LAG_MS)) == "channel_closed"
        moved = sync(after, replace(OPEN, channel_ref=NEXT_REF, seen_at=NOW + 1))
        assert reason(admit(moved, request(60), NOW + LAG_MS - 1)) == "channel_closed"
        assert admit(moved, request(60), NOW + LAG_MS) == Admitted(is_new=False)
        back = sync(moved, replace(OPEN, seen_at=NOW + 2))
        assert reason(admit(back, request(60), NOW + LAG_MS)) == "channel_closed"

    def test_a_refund_leaves_nothing_to_redeem_and_its_answer(self) -> None:
        refund = request(50, 0, Kind.REFUND)
        answer = replace(ANSWER, kind=Kind.REFUND)
        sealed, _ = seal(reserved(record(50), refund), REF, refund.id, NOW)
        after, _ = end(sealed, NOW)
        assert after is not None
        assert (after.unredeemed, after.pending, after.anchor_ref) == (0, None, REF)
        after = replace(after, answer=answer)
        assert admit(after, replace(refund, id="two"), NOW) == answer
        assert reason(admit(after, request(60), NOW)) == "channel_closed"

    def test_a_rollback_of_the_refund_brings_the_charges_back(self) -> None:
        refund = request(50, 0, Kind.REFUND)
        sealed, _ = seal(reserved(record(50), refund), REF, refund.id, NOW)
        after, _ = end(sealed, NOW)
        assert after is not None
        back = sync(after, replace(OPEN, seen_at=NOW + 1))
        assert (back.unredeemed, back.voucher) == (50, record(50).voucher)
        assert reason(admit(back, request(60), NOW)) == "channel_closed"


class TestTheChain:
    def test_an_older_view_changes_nothing(self) -> None:
        assert sync(record(50), replace(CLOSED, seen_at=NOW - 1)) == record(50)

    def test_count_and_voucher_outlast_a_rollback(self) -> None:
        shallow = ChannelView(NEXT_REF, 2_000, 40, 0, NOW)
        after = sync(record(50, shallow), replace(OPEN, seen_at=NOW + 1), NEXT_REF)
        assert (after.view.balance, after.view.total_claimed) == (1_000, 0)
        assert (after.charged, after.voucher) == (50, record(50).voucher)
        assert after.anchor_ref == NEXT_REF

    def test_a_close_that_is_gone_is_believed_after_a_while(self) -> None:
        """The view is what is redeemed by, so it is taken over at once."""
        closed = sync(record(50), CLOSED)
        after = sync(closed, replace(OPEN, channel_ref=NEXT_REF, seen_at=NOW + 1))
        assert (after.view.channel_ref, after.elapse_at) == (NEXT_REF, 0)
        assert reason(admit(after, request(60), NOW + LAG_MS - 1)) == "channel_closed"
        assert admit(after, request(60), NOW + LAG_MS) == Admitted(is_new=False)

    def test_a_channel_that_was_closed_again_elsewhere_is_settled_there(self) -> None:
        """The first close was rolled back after its settlement was signed."""
        sealed, _ = seal(sync(record(50), CLOSED), REF, "", NOW)
        assert sealed is not None
        after = sync(sealed, replace(CLOSED, channel_ref=NEXT_REF, seen_at=NOW + 1))
        assert after.view.channel_ref == NEXT_REF
        assert seal(after, NEXT_REF, "", NOW + 1)[1]

    def test_amounts_above_the_balance_are_asked_about_at_times(self) -> None:
        after, may = ask(record(50), NOW)
        assert may
        assert ask(after, NOW + ASK_AGAIN_MS - 1) == (after, False)
        assert ask(after, NOW + ASK_AGAIN_MS)[1]
        assert ask(None, NOW) == (None, True)


class TestTheForm:
    @pytest.mark.parametrize(
        "value",
        [
            record(50),
            record(2**64 - 1, ChannelView("", 2**64 - 1, 2**64 - 1, 2**40, NOW)),
            replace(reserved(record(50), request(60)), asked_at=NOW),
            seal(replace(record(50), answer=ANSWER), REF, "", NOW)[0],
            reserved(None, request(60), OPEN),
        ],
    )
    def test_a_record_is_read_as_it_was_written(self, value: ChannelRecord) -> None:
        assert decode_record(encode_record(value)) == value

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"null", b'{"channelId":1}'])
    def test_other_bytes_are_an_error(self, raw: bytes) -> None:
        with pytest.raises(ValueError, match=r".+"):
            decode_record(raw)
