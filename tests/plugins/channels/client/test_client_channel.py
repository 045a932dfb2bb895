"""The payer's count moves by the draft's rules, and by nothing else."""

from dataclasses import replace
from typing import Any

import pytest
from nacl.signing import SigningKey

from facilitator_channels.client.channel import (
    CannotPay,
    ClientChannel,
    Distrusted,
    Status,
    corrected,
    next_amount,
    opening_failed,
    read_from_chain,
    settled,
    size_deposit,
    topped_up,
)
from facilitator_channels.client.keys import iou_signer
from facilitator_channels.messages import ChannelConfig
from facilitator_channels.values import ChannelView

TAG = b"\x11" * 32
KEY = SigningKey(b"\x07" * 32)
SIGN = iou_signer(KEY, TAG)
REF, NEXT_REF, INPUT = "aa" * 32 + "#0", "ab" * 32 + "#1", "22" * 32 + "#0"
CONFIG = ChannelConfig(
    b"\x0a" * 28, bytes(KEY.verify_key), "addr_test1", b"\x0c" * 28, "lovelace", 900
)
OPENING = ClientChannel(TAG, "cardano:preprod", "ee" * 28, CONFIG, (INPUT,))
OPEN = replace(OPENING, channel_ref=REF, capacity=1_000, count=100, status=Status.OPEN)


def state(count: object, claimed: object = "0", **changes: Any) -> dict[str, Any]:
    known = {"channelId": TAG.hex(), "chargedCumulativeAmount": count, "totalClaimed": claimed}
    return {**known, **changes}


def voucher(amount: int, signed: int | None = None) -> dict[str, Any]:
    signature = SIGN(amount if signed is None else signed).signature.hex()
    return {"signedMaxClaimable": str(amount), "signature": signature}


class TestTheNextVoucher:
    def test_it_is_for_the_count_and_one_price(self) -> None:
        assert next_amount(OPEN, 10) == 110
        assert next_amount(OPEN, 900) == 1_000

    @pytest.mark.parametrize(
        ("channel", "why"),
        [
            (replace(OPEN, capacity=109), "top it up"),
            (replace(OPEN, status=Status.CLOSED), "open another one"),
            (OPENING, "not confirmed"),
        ],
    )
    def test_a_channel_that_cannot_pay_says_why(self, channel: ClientChannel, why: str) -> None:
        with pytest.raises(CannotPay, match=why):
            next_amount(channel, 10)

    def test_a_deposit_is_for_ten_requests(self) -> None:
        assert size_deposit(100) == 1_000
        assert size_deposit(100, least=5_000) == 5_000


class TestAnAnswer:
    @pytest.mark.parametrize("charge", [0, 3, 10])
    def test_the_count_moves_by_the_charge(self, charge: int) -> None:
        extra = {"chargedAmount": str(charge), "channelState": state(str(100 + charge))}
        assert settled(OPEN, 10, extra) == replace(OPEN, count=100 + charge)
        assert settled(OPEN, 10, {"chargedAmount": str(charge)}).count == 100 + charge

    @pytest.mark.parametrize(
        "extra",
        [
            {},
            {"chargedAmount": 3},
            {"chargedAmount": "-3"},
            {"chargedAmount": "+3"},
            {"chargedAmount": "11"},
            {"chargedAmount": "3", "channelState": state("104")},
            {"chargedAmount": "3", "channelState": state(103)},
        ],
    )
    def test_one_that_does_not_follow_is_distrusted(self, extra: dict[str, Any]) -> None:
        with pytest.raises(Distrusted):
            settled(OPEN, 10, extra)

    def test_the_first_one_opens_the_channel(self) -> None:
        answer = {"chargedAmount": "10", "channelState": state("10", channelRef=REF)}
        after = settled(replace(OPENING, capacity=1_000), 10, answer)
        assert (after.status, after.count, after.channel_ref) == (Status.OPEN, 10, REF)

    @pytest.mark.parametrize("ref", ["", "x", 5, None, "AA" * 32 + "#0", REF + "1" * 9, REF + "\n"])
    def test_a_position_that_is_none_is_not_kept(self, ref: object) -> None:
        """Each voucher would be refused for its form from then on."""
        answer = {"chargedAmount": "10", "channelState": state("110", channelRef=ref)}
        assert settled(OPEN, 10, answer).channel_ref == REF


class TestACorrection:
    @pytest.mark.parametrize(("count", "signed"), [(90, 110), (110, 110), (0, 0)])
    def test_a_count_with_an_own_iou_is_taken_over(self, count: int, signed: int) -> None:
        after = corrected(OPEN, state(str(count)), voucher(signed))
        assert after == replace(OPEN, count=count)

    @pytest.mark.parametrize(
        ("said", "shown"),
        [
            (state("111"), voucher(110)),
            (state("90", "91"), voucher(110)),
            (state("110"), voucher(110, signed=109)),
            (state("110"), {"signedMaxClaimable": "110", "signature": "00" * 64}),
            (state("110"), {"signedMaxClaimable": "110", "signature": "not hex"}),
            (state("110"), {"signedMaxClaimable": "110"}),
            (state("110"), {}),
            (state("110", channelId="12" * 32), voucher(110)),
            (state(110), voucher(110)),
            (state("99999999999999999999"), voucher(2**64 - 1)),
            ({}, voucher(110)),
        ],
    )
    def test_any_other_count_is_distrusted(
        self, said: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        with pytest.raises(Distrusted):
            corrected(OPEN, said, shown)

    def test_a_count_below_what_is_known_as_redeemed_is_distrusted(self) -> None:
        with pytest.raises(Distrusted):
            corrected(replace(OPEN, claimed=95), state("90"), voucher(110))


class TestTheChain:
    def test_an_opening_that_landed_counts_from_what_is_redeemed(self) -> None:
        after = read_from_chain(OPENING, ChannelView(REF, 1_000, 7))
        assert (after.status, after.count, after.capacity) == (Status.OPEN, 7, 1_000)

    def test_a_closed_channel_pays_no_more(self) -> None:
        after = read_from_chain(OPEN, ChannelView(REF, 1_000, 7, 1_800_000_000))
        assert (after.status, after.count) == (Status.CLOSED, 100)

    def test_a_top_up_adds_to_the_capacity(self) -> None:
        after = topped_up(OPEN, 500, NEXT_REF)
        assert (after.capacity, after.channel_ref) == (1_500, NEXT_REF)

    def test_an_opening_fails_by_another_spender_of_its_input(self) -> None:
        assert opening_failed(OPENING, INPUT, "bb" * 32, "aa" * 32).status is Status.CLOSED
        for spent, by in [(INPUT, "aa" * 32), (REF, "bb" * 32)]:
            with pytest.raises(ValueError, match="may still land"):
                opening_failed(OPENING, spent, by, "aa" * 32)
