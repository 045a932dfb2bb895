"""Channels are redeemed when that is worth its fee, and before a close elapses."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from facilitator_channels.seller.claims import (
    Batch,
    ClaimPolicy,
    choose,
    claim_payload,
    claim_requirements,
    redeemed,
    redemption,
)
from facilitator_channels.seller.record import ChannelRecord, Reservation, Seal
from facilitator_channels.seller.redeeming import SignedClaim, redeem
from facilitator_channels.seller.steps import seal
from facilitator_channels.seller.store import Records
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.seller.testing import CONFIG, example_record
from facilitator_channels.seller.watching import Ended, Verdict, watch
from facilitator_channels.values import NOT_SEEN, ChannelView

NOW = 1_800_000_000_000
NEW_REF = "bb" * 32 + "#0"
POLICY = ClaimPolicy(base=1_000, each=100, least_settled=1, most_channels=3)
POLICIES = {"lovelace": POLICY}


def ref(number: int) -> str:
    return f"{number:064x}#0"


def record(
    number: int, unredeemed: int, *, closed_at: int = 0, claimed: int = 50, **changes: object
) -> ChannelRecord:
    view = ChannelView(ref(number), 10**9, claimed, closed_at, NOW)
    before = example_record(f"{number:064x}", charged=claimed + unredeemed)
    return replace(before, view=view, **changes)  # type: ignore[arg-type]


def chosen(records: list[ChannelRecord], policies: object = POLICIES) -> list[list[int]]:
    batches = choose(records, policies, NOW)  # type: ignore[arg-type]
    return [[int(each.channel_id, 16) for each in batch.redemptions] for batch in batches]


class TestTheChoice:
    def test_a_claim_is_made_when_its_sum_is_worth_the_fee(self) -> None:
        assert chosen([record(1, 600), record(2, 599)]) == []
        assert chosen([record(1, 600), record(2, 600)]) == [[1, 2]]
        assert chosen([record(1, 1_099)]) == []
        assert chosen([record(1, 1_100)]) == [[1]]

    def test_a_channel_that_is_not_worth_its_place_stays_out(self) -> None:
        assert chosen([record(1, 1_050), record(2, 99), record(3, 100)]) == []
        assert chosen([record(1, 1_100), record(2, 99), record(3, 101)]) == [[1, 3]]

    def test_a_transaction_has_so_many_channels(self) -> None:
        records = [record(number, 2_000 - number) for number in range(1, 8)]
        assert chosen(records) == [[1, 2, 3], [4, 5, 6], [7]]

    def test_a_closed_channel_is_settled_whatever_it_is_worth(self) -> None:
        assert chosen([record(1, 1, closed_at=1_799_999_000), record(2, 300)]) == [[1, 2]]
        assert chosen([record(1, 0, closed_at=1_799_999_000), record(2, 300)]) == []

    def test_the_nearest_deadline_comes_first(self) -> None:
        closes = [5, 1, 4, 2, 3]
        records = [
            record(number, 10, closed_at=1_799_999_000 + close)
            for number, close in enumerate(closes)
        ]
        assert chosen([*records, record(9, 5_000)]) == [[1, 3, 4], [2, 0, 9]]

    def test_a_settlement_waits_for_the_request_that_has_the_channel(self) -> None:
        busy = record(1, 10, closed_at=1_799_999_900, pending=Reservation("one", NOW + 1))
        assert chosen([busy]) == []
        assert chosen([replace(busy, pending=Reservation("one", NOW))]) == [[1]]
        assert chosen([record(1, 5_000, pending=Reservation("one", NOW + 1))]) == [[1]]

    def test_no_request_delays_a_settlement_that_is_urgent(self) -> None:
        """A slow request may have the channel for longer than its period lasts."""
        busy = record(1, 10, closed_at=1_799_999_000, pending=Reservation("one", NOW + 1))
        delay = busy.config.withdraw_delay
        for until_end, expected in ((delay // 3 + 1, []), (delay // 3 - 1, [[1]])):
            view = replace(busy.view, withdraw_requested_at=NOW // 1000 - delay + until_end)
            closed = replace(busy, view=view)
            assert chosen([closed]) == expected
            assert seal(closed, ref(1), "", NOW)[1] is bool(expected)

    def test_what_the_channel_cannot_pay_is_left(self) -> None:
        """After a rollback of a top-up."""
        poor = record(1, 5_000)
        found = redemption(replace(poor, view=replace(poor.view, balance=1_250)))
        assert found is not None
        assert (found.total_claimed, found.amount) == (1_250, 1_200)
        assert redemption(replace(poor, view=replace(poor.view, balance=50))) is None

    def test_one_without_a_voucher_or_an_output_has_nothing(self) -> None:
        assert redemption(replace(record(1, 5_000), voucher=None)) is None
        assert redemption(replace(record(1, 5_000), view=NOT_SEEN)) is None

    def test_channels_of_other_terms_are_claimed_apart(self) -> None:
        other = record(2, 5_000, script_hash="ef" * 28)
        elsewhere = record(3, 5_000, network="cardano:mainnet")
        token = record(4, 5_000, config=replace(CONFIG, token="ab" * 28 + ".ff"))
        records = [record(1, 5_000), other, elsewhere, token]
        assert sorted(chosen(records)) == [[1], [2], [3]]
        assert sorted(chosen(records, {**POLICIES, "ab" * 28 + ".ff": POLICY})) == [
            [1],
            [2],
            [3],
            [4],
        ]

    def test_without_a_policy_only_closed_channels_are_redeemed(self) -> None:
        records = [record(1, 5_000), record(2, 5_000, closed_at=1_799_999_000)]
        assert chosen(records, {}) == [[2]]

    def test_by_default_a_claim_is_worth_ten_times_its_fee(self) -> None:
        """A claim over one channel costs 256,727 lovelace on preprod."""
        policies = {"lovelace": ClaimPolicy()}
        assert chosen([record(1, 2_567_269)], policies) == []
        assert chosen([record(1, 2_567_270)], policies) == [[1]]


class TestTheMessage:
    def test_it_names_each_channel_and_its_count(self) -> None:
        (batch,) = choose([record(1, 2_000), record(2, 3_000)], POLICIES, NOW)
        assert claim_payload(batch.redemptions, b"\x84") == {
            "type": "claim",
            "transaction": base64.b64encode(b"\x84").decode(),
            "claims": [
                {"channelId": f"{2:064x}", "totalClaimed": "3050"},
                {"channelId": f"{1:064x}", "totalClaimed": "2050"},
            ],
        }
        assert claim_requirements(batch) == {
            "scheme": "batch-settlement",
            "network": "cardano:preprod",
            "asset": "lovelace",
            "amount": "0",
            "payTo": "addr_test1",
            "maxTimeoutSeconds": 0,
            "extra": {},
        }

    def test_afterwards_the_channel_has_moved(self) -> None:
        before = record(1, 2_000)
        found = redemption(before)
        assert found is not None
        after, _ = redeemed(before, found, NEW_REF, NOW + 1)
        assert after is not None
        assert (after.unredeemed, after.view.channel_ref) == (0, NEW_REF)
        assert (after.charged, after.voucher) == (before.charged, before.voucher)
        assert redeemed(after, found, NEW_REF, NOW + 2) == (after, None)
        assert redeemed(None, found, NEW_REF, NOW + 2) == (None, None)

    def test_a_settled_channel_is_over(self) -> None:
        before = record(1, 2_000, closed_at=1_799_999_000)
        found = redemption(before)
        assert found is not None
        after, _ = redeemed(before, found, NEW_REF, NOW + 1)
        assert after is not None
        assert (after.unredeemed, after.view.channel_ref, after.view.balance) == (0, "", 0)


class TestWatching:
    @pytest.mark.parametrize(
        ("before", "verdict"),
        [
            (record(1, 0), Verdict.NOTHING),
            (record(1, 99), Verdict.NOTHING),
            (record(1, 100), Verdict.CLAIM),
            (record(1, 1, closed_at=1_799_999_000), Verdict.SETTLE),
            (record(1, 0, closed_at=1_799_999_000), Verdict.NOTHING),
        ],
    )
    def test_each_channel_gets_a_verdict(self, before: ChannelRecord, verdict: Verdict) -> None:
        seen = replace(before.view, seen_at=NOW + 5)
        after, found = watch(before, seen, NEW_REF, POLICY, NOW + 5)
        assert found is verdict
        assert after is not None
        assert (after.view, after.anchor_ref) == (seen, NEW_REF)
        assert (after.charged, after.voucher) == (before.charged, before.voucher)

    def test_a_close_that_is_seen_has_the_channel_settled(self) -> None:
        before = record(1, 7)
        seen = replace(before.view, withdraw_requested_at=1_799_999_990, seen_at=NOW + 5)
        after, verdict = watch(before, seen, "", POLICY, NOW + 5)
        assert verdict is Verdict.SETTLE
        assert after is not None
        assert after.elapse_at == 1_799_999_990 + 900

    def test_the_unknown_changes_nothing(self) -> None:
        before = record(1, 100)
        assert watch(before, None, "", POLICY, NOW) == (before, Verdict.CLAIM)
        assert watch(None, None, "", POLICY, NOW) == (None, Verdict.NOTHING)

    def test_a_record_outlasts_its_channel_until_the_end_is_deep(self) -> None:
        before = record(1, 100)
        after, verdict = watch(before, Ended(150, False, NOW + 5), "", POLICY, NOW + 5)
        assert verdict is Verdict.NOTHING
        assert after is not None
        assert (after.voucher, after.charged) == (before.voucher, before.charged)
        assert watch(after, Ended(150, True, NOW + 6), "", POLICY, NOW + 6) == (
            None,
            Verdict.DROPPED,
        )
        back, verdict = watch(after, replace(before.view, seen_at=NOW + 6), "", POLICY, NOW + 6)
        assert verdict is Verdict.CLAIM
        assert back == replace(before, view=replace(before.view, seen_at=NOW + 6))

    def test_an_end_that_was_seen_earlier_than_the_channel_is_old_news(self) -> None:
        before = record(1, 100)
        assert watch(before, Ended(150, True, NOW - 1), "", POLICY, NOW) == (
            before,
            Verdict.NOTHING,
        )

    def test_what_a_killed_process_left_goes_once_it_has_expired(self) -> None:
        left = replace(
            record(1, 0), voucher=None, view=NOT_SEEN, pending=Reservation("one", NOW + 1)
        )
        assert watch(left, None, "", POLICY, NOW) == (left, Verdict.NOTHING)
        assert watch(left, None, "", POLICY, NOW + 1) == (None, Verdict.DROPPED)


class TestRedeeming:
    """The order of the steps. Histories show that it loses nothing: see test_channel_histories."""

    @pytest.fixture
    def records(self) -> Records:
        return Records(MemoryStore())

    def put(self, records: Records, *values: ChannelRecord) -> list[Batch]:
        for each in values:
            records.change(each.channel_id, lambda _, each=each: (each, None))  # type: ignore[misc]
        return choose(records, POLICIES, NOW)

    def build(self, batch: Batch) -> SignedClaim:
        positions = {
            each.channel_id: NEW_REF for each in batch.redemptions if not each.is_settlement
        }
        return SignedClaim("bb" * 32, b"\x84", positions)

    def test_a_claim_is_settled_and_noted(self, records: Records) -> None:
        (batch,) = self.put(records, record(1, 2_000), record(2, 7, closed_at=1_799_999_000))
        facilitator = Takes({"success": True})
        answer = redeem(records, facilitator, batch, self.build, NOW)
        assert answer == {"success": True}
        ((payment, asked, key),) = facilitator.asked
        assert payment["accepted"] == asked == claim_requirements(batch)
        assert payment["payload"] == claim_payload(batch.redemptions, b"\x84")
        assert key == "bb" * 32
        opened, closed = (records.read(f"{number:064x}") for number in (1, 2))
        assert opened is not None
        assert closed is not None
        assert (opened.view.channel_ref, opened.unredeemed, opened.seal) == (NEW_REF, 0, None)
        assert (closed.view.channel_ref, closed.unredeemed) == ("", 0)
        assert closed.seal == Seal(ref(2), NOW)

    def test_a_charge_after_the_choice_is_in_the_settlement(self, records: Records) -> None:
        (batch,) = self.put(records, record(1, 7, closed_at=1_799_999_000))
        self.put(records, record(1, 9, closed_at=1_799_999_000))
        facilitator = Takes({"success": True})
        redeem(records, facilitator, batch, self.build, NOW)
        ((payment, _, _),) = facilitator.asked
        assert payment["payload"]["claims"][0]["totalClaimed"] == "59"

    def test_a_channel_that_a_request_has_is_left_out(self, records: Records) -> None:
        (batch,) = self.put(records, record(1, 7, closed_at=1_799_999_900))
        pending = Reservation("one", NOW + 1)
        self.put(records, record(1, 7, closed_at=1_799_999_900, pending=pending))
        facilitator = Takes({"success": True})
        assert redeem(records, facilitator, batch, self.build, NOW) is None
        assert facilitator.asked == []

    def test_one_that_has_moved_is_left_out(self, records: Records) -> None:
        (batch,) = self.put(records, record(1, 2_000))
        moved = record(1, 2_000)
        self.put(records, replace(moved, view=replace(moved.view, channel_ref=NEW_REF)))
        assert redeem(records, Takes({}), batch, self.build, NOW) is None

    def test_a_claim_that_fails_leaves_the_charges(self, records: Records) -> None:
        (batch,) = self.put(records, record(1, 2_000))
        redeem(records, Takes({"success": False}), batch, self.build, NOW)
        assert records.read(f"{1:064x}") == record(1, 2_000)


class Takes:
    """A facilitator that answers all alike."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, Any, str]] = []

    def verify(self, *_: Any) -> Mapping[str, Any]:
        raise AssertionError("a claim is not verified")

    def settle(
        self, payment: Mapping[str, Any], requirements: Mapping[str, Any], key: str
    ) -> Mapping[str, Any]:
        self.asked.append((payment, requirements, key))
        return self.answer
