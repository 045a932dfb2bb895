"""A seller before and after its work, over a modelled chain and facilitator."""

import base64
import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pytest

from facilitator.testing.clock import ManualClock
from facilitator_channels.client.channel import ClientChannel, Status, corrected
from facilitator_channels.seller.answers import MAX_KEPT_BYTES, Answer, correct
from facilitator_channels.seller.claims import ClaimPolicy
from facilitator_channels.seller.facilitator import FacilitatorUnavailable
from facilitator_channels.seller.request import Refusal
from facilitator_channels.seller.seller import Before, Paid, Seller, Serve
from facilitator_channels.seller.stores.memory import MemoryStore
from facilitator_channels.seller.watching import Ended, watch
from support.modelled_channels import (
    DEPTH,
    PREFIX,
    PROVIDER,
    Consumer,
    ModelChain,
    ModelFacilitator,
    Spot,
    close_tx,
    mutual,
    open_tx,
    requirements,
    top_up_tx,
)

START = 1_800_000_000
PUT_IN = 100_000
PRICE = 1_000


class Shop:
    """A seller, and a payer with a channel."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.chain = ModelChain(self.clock)
        self.facilitator = ModelFacilitator(self.chain)
        self.store = MemoryStore()
        self.sellers: list[Seller] = []
        self.seller = self.open()
        self.payer = Consumer(1)

    def open(self, **changes: Any) -> Seller:
        chosen = {"key": PROVIDER, "clock": self.clock, **changes}
        self.sellers.append(Seller(self.store, self.facilitator, **chosen))
        return self.sellers[-1]

    def close(self) -> None:
        for seller in self.sellers:
            seller.close()

    @property
    def tag(self) -> str:
        return self.payer.tag.hex()

    @property
    def spot(self) -> Spot:
        spot = self.chain.spot(self.tag)
        assert spot is not None
        return spot

    def open_channel(self, price: int = PRICE) -> Paid | Refusal:
        tx = open_tx(self.chain, self.payer, PUT_IN)
        self.facilitator.txs[tx.id] = tx
        return self.serve(self.seller.before(self.deposit(tx.id, price), requirements(price)))

    def deposit(self, tx_id: str, price: int) -> dict[str, Any]:
        return self.payer.deposit(self.facilitator.txs[tx_id], PUT_IN, price)

    def pay(self, amount: int, price: int = PRICE) -> Before:
        payment = self.payer.payment("voucher", amount, self.spot.ref)
        return self.seller.before(payment, requirements(price))

    def serve(
        self, before: Before, response: bytes = b"page", charge: int | None = None
    ) -> Paid | Refusal:
        assert isinstance(before, Serve), before
        return self.seller.after(before, response, charge)

    def confirm(self) -> None:
        """Bury what waits so deep that no rollback reaches it."""
        for _ in range(DEPTH + 1):
            self.chain.make_block()

    def charged(self) -> int:
        record = self.seller.records.read(self.tag)
        assert record is not None
        return record.charged


@pytest.fixture
def shop() -> Iterator[Shop]:
    with closing(Shop()) as shop:
        yield shop


@pytest.fixture
def open_shop(shop: Shop) -> Shop:
    assert isinstance(shop.open_channel(), Paid)
    shop.facilitator.calls.clear()
    return shop


def reason(result: object) -> str:
    assert isinstance(result, Refusal), result
    return result.reason.removeprefix(PREFIX)


class TestAnOpening:
    def test_the_page_is_served_once_the_channel_is_there(self, shop: Shop) -> None:
        paid = shop.open_channel()
        assert isinstance(paid, Paid)
        assert shop.facilitator.calls == ["verify", "settle"]
        assert paid.settlement["success"] is True
        assert paid.settlement["amount"] == str(PUT_IN)
        assert paid.settlement["extra"] == {
            "chargedAmount": "1000",
            "commitmentId": f"{shop.tag}:1000",
            "channelState": {
                "channelId": shop.tag,
                "channelRef": shop.spot.ref,
                "balance": str(PUT_IN),
                "totalClaimed": "0",
                "withdrawRequestedAt": 0,
                "chargedCumulativeAmount": "1000",
            },
        }

    @pytest.mark.parametrize("trouble", ["is_pending", "loses_answers"])
    def test_one_in_doubt_is_not_charged(self, shop: Shop, trouble: str) -> None:
        """Once it lands, the channel pays from its first lovelace on."""
        setattr(shop.facilitator, trouble, True)
        assert reason(shop.open_channel()) == "settlement_pending"
        assert shop.seller.records.read(shop.tag) is None
        setattr(shop.facilitator, trouble, False)
        shop.confirm()
        assert isinstance(shop.serve(shop.pay(PRICE)), Paid)
        assert shop.charged() == PRICE

    def test_one_that_fails_leaves_no_record(self, shop: Shop) -> None:
        tx = open_tx(shop.chain, shop.payer, PUT_IN)
        shop.facilitator.txs[tx.id] = tx
        before = shop.seller.before(shop.deposit(tx.id, PRICE), requirements(PRICE))
        shop.chain.submit(open_tx(shop.chain, shop.payer, 5))  # another spends its input
        shop.chain.make_block()
        assert reason(shop.serve(before)) == "deposit_transaction"
        assert shop.seller.records.read(shop.tag) is None

    def test_a_small_deposit_is_refused_if_the_seller_says_so(self, shop: Shop) -> None:
        tx = open_tx(shop.chain, shop.payer, PUT_IN)
        shop.facilitator.txs[tx.id] = tx
        asked = requirements(PRICE, minDeposit=str(PUT_IN + 1))
        refused = shop.seller.before(shop.deposit(tx.id, PRICE), asked)
        assert reason(refused) == "deposit_below_min_deposit"
        asked = requirements(PRICE, minDeposit=str(PUT_IN))
        assert isinstance(shop.seller.before(shop.deposit(tx.id, PRICE), asked), Serve)


class TestAVoucher:
    def test_it_is_taken_without_the_facilitator(self, open_shop: Shop) -> None:
        for amount in (2_000, 3_000):
            paid = open_shop.serve(open_shop.pay(amount))
            assert isinstance(paid, Paid)
            assert paid.settlement["transaction"] == ""
            assert paid.settlement["amount"] == ""
            state = paid.settlement["extra"]["channelState"]
            assert state["chargedCumulativeAmount"] == str(amount)
        assert open_shop.facilitator.calls == []

    def test_it_is_charged_what_the_work_was_worth(self, open_shop: Shop) -> None:
        paid = open_shop.serve(open_shop.pay(2_000), charge=7)
        assert isinstance(paid, Paid)
        assert paid.settlement["extra"]["chargedAmount"] == "7"
        assert open_shop.charged() == 1_007
        assert isinstance(open_shop.pay(2_007), Serve)

    def test_a_price_above_the_agreed_one_is_an_error(self, open_shop: Shop) -> None:
        before = open_shop.pay(2_000)
        assert isinstance(before, Serve)
        with pytest.raises(ValueError, match="not within"):
            open_shop.seller.after(before, b"page", PRICE + 1)
        open_shop.seller.cancel(before)
        assert isinstance(open_shop.pay(2_000), Serve)

    def test_a_stale_record_has_the_facilitator_asked(self, open_shop: Shop) -> None:
        open_shop.clock.advance(300)
        assert isinstance(open_shop.serve(open_shop.pay(2_000)), Paid)
        assert open_shop.facilitator.calls == []
        open_shop.clock.advance(1)
        assert isinstance(open_shop.serve(open_shop.pay(3_000)), Paid)
        assert open_shop.facilitator.calls == ["verify"]
        open_shop.clock.advance(299)
        assert isinstance(open_shop.serve(open_shop.pay(4_000)), Paid)
        assert open_shop.facilitator.calls == ["verify"]

    def test_a_close_is_noticed_then(self, open_shop: Shop) -> None:
        open_shop.chain.submit(close_tx(open_shop.chain, open_shop.spot, open_shop.tag, START))
        open_shop.chain.make_block()
        assert isinstance(open_shop.serve(open_shop.pay(2_000)), Paid)
        open_shop.clock.advance(301)
        assert reason(open_shop.pay(3_000)) == "channel_closed"

    def test_one_above_the_balance_is_asked_about_once_in_30_seconds(self, open_shop: Shop) -> None:
        """A top-up may have landed elsewhere. A stranger's vouchers must not cost questions."""
        price = PUT_IN
        for _ in range(3):
            assert reason(open_shop.pay(1_000 + price, price)) == "cumulative_exceeds_balance"
        assert open_shop.facilitator.calls == ["verify"]
        tx = top_up_tx(open_shop.chain, open_shop.spot, open_shop.payer, price)
        open_shop.chain.submit(tx)
        open_shop.confirm()
        open_shop.clock.advance(30)
        assert isinstance(open_shop.serve(open_shop.pay(1_000 + price, price)), Paid)

    def test_a_facilitator_that_is_away_is_no_verdict(
        self, open_shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object) -> None:
            raise FacilitatorUnavailable("away")

        monkeypatch.setattr(open_shop.facilitator, "verify", away)
        assert isinstance(open_shop.serve(open_shop.pay(2_000)), Paid)
        open_shop.clock.advance(301)
        assert reason(open_shop.pay(3_000)) == "verification_state_unavailable"

    def test_a_deposit_that_is_being_settled_describes_the_channel_in_its_state(
        self, open_shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        verify = open_shop.facilitator.verify

        def later(*words: Any) -> dict[str, Any]:
            answer = verify(*words)
            return {**answer, "extra": {"channelState": answer["extra"]}}

        monkeypatch.setattr(open_shop.facilitator, "verify", later)
        open_shop.clock.advance(301)
        assert isinstance(open_shop.serve(open_shop.pay(2_000)), Paid)

    @pytest.mark.parametrize(
        "change",
        [
            None,
            {"channelId": "99" * 32},
            {"channelId": None},
            {"balance": "x"},
            {"withdrawRequestedAt": -1},
            {"withdrawRequestedAt": math.inf},
        ],
    )
    def test_an_answer_that_describes_no_such_channel_is_none(
        self,
        open_shop: Shop,
        monkeypatch: pytest.MonkeyPatch,
        change: Mapping[str, object] | None,
    ) -> None:
        state = {
            "channelId": open_shop.tag,
            "channelRef": open_shop.spot.ref,
            "balance": str(PUT_IN),
            "totalClaimed": "0",
            "withdrawRequestedAt": 0,
        }
        answer = {"isValid": True, "extra": None if change is None else {**state, **change}}
        monkeypatch.setattr(open_shop.facilitator, "verify", lambda *_: answer)
        open_shop.clock.advance(301)
        assert reason(open_shop.pay(2_000)) == "verification_state_unavailable"

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"receiver": "addr_test1other"}, "receiver_mismatch"),
            ({"receiverAuthorizer": "99" * 28}, "receiver_authorizer_mismatch"),
            ({"token": "ab" * 28 + ".ff"}, "token_mismatch"),
            ({"withdrawDelay": 901}, "withdraw_delay_mismatch"),
            ({"payerAuthorizer": "99" * 32}, "voucher_signature"),
            ({"payer": "99" * 28}, "channel_config"),
            ({"payer": 5}, "payload"),
        ],
    )
    def test_other_terms_are_refused(
        self, open_shop: Shop, change: dict[str, Any], expected: str
    ) -> None:
        payment = open_shop.payer.payment("voucher", 2_000, open_shop.spot.ref)
        payment["payload"]["channelConfig"] |= change
        assert reason(open_shop.seller.before(payment, requirements(PRICE))) == expected

    @pytest.mark.parametrize(
        ("payment", "expected"),
        [
            ({}, "scheme"),
            ([], "scheme"),
            (None, "scheme"),
            ({"accepted": {"scheme": "exact"}}, "scheme"),
            ({"accepted": {"scheme": "batch-settlement", "network": "cardano:mainnet"}},
             "network_mismatch"),
            ({"accepted": {"scheme": "batch-settlement", "network": "cip34:0-1"}}, "payload_type"),
            ({"accepted": {"scheme": "batch-settlement", "network": "cardano:preprod"},
              "payload": []}, "payload_type"),
        ],
    )  # fmt: skip
    def test_what_is_no_payment_is_refused(self, shop: Shop, payment: Any, expected: str) -> None:
        assert reason(shop.seller.before(payment, requirements(PRICE))) == expected
        assert shop.facilitator.calls == []

    @pytest.mark.parametrize(
        "change",
        [{"amount": "0"}, {"amount": 5}, {"scheme": "exact"}, {"extra": {}}, {"payTo": "x"}],
    )
    def test_requirements_that_no_channel_can_pay_are_an_error(
        self, shop: Shop, change: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="the requirements are not"):
            shop.seller.before({}, {**requirements(PRICE), **change})


class TestACorrection:
    def test_it_brings_the_payer_to_the_sellers_count(self, open_shop: Shop) -> None:
        refusal = open_shop.pay(7_000)
        assert reason(refusal) == "cumulative_amount_mismatch"
        assert isinstance(refusal, Refusal)
        extra = correct(requirements(PRICE), refusal)["extra"]
        payer = open_shop.payer
        lost = ClientChannel(
            payer.tag, "cardano:preprod", "", payer.config, (), count=6_000, status=Status.OPEN
        )
        assert corrected(lost, extra["channelState"], extra["voucherState"]).count == 1_000

    def test_it_is_for_the_holder_of_the_key_alone(self, open_shop: Shop) -> None:
        """With the voucher's signature a stranger could ask for the kept answer."""
        payment = open_shop.payer.payment("voucher", 7_000, open_shop.spot.ref)
        payment["payload"]["voucher"]["signature"] = "00" * 64
        refusal = open_shop.seller.before(payment, requirements(PRICE))
        assert reason(refusal) == "voucher_signature"
        assert isinstance(refusal, Refusal)
        assert correct(requirements(PRICE), refusal) == requirements(PRICE)


class TestARepeat:
    def test_it_gets_the_kept_answer(self, open_shop: Shop) -> None:
        first = open_shop.serve(open_shop.pay(2_000), b"the page")
        assert isinstance(first, Paid)
        assert open_shop.pay(2_000) == Answer(first.settlement, b"the page")
        assert open_shop.charged() == 2_000
        other = open_shop.open()  # another process, by the same store
        payment = open_shop.payer.payment("voucher", 2_000, open_shop.spot.ref)
        assert other.before(payment, requirements(PRICE)) == Answer(first.settlement, b"the page")

    def test_that_of_an_opening_too(self, shop: Shop) -> None:
        paid = shop.open_channel()
        assert isinstance(paid, Paid)
        (tx_id,) = shop.facilitator.txs
        again = shop.seller.before(shop.deposit(tx_id, PRICE), requirements(PRICE))
        assert again == Answer(paid.settlement, b"page")
        assert shop.facilitator.calls == ["verify", "settle"]

    def test_a_long_answer_is_not_kept(self, open_shop: Shop) -> None:
        open_shop.serve(open_shop.pay(2_000), bytes(MAX_KEPT_BYTES + 1))
        assert reason(open_shop.pay(2_000)) == "cumulative_amount_mismatch"

    def test_a_channel_has_one_request_at_a_time(self, open_shop: Shop) -> None:
        first = open_shop.pay(2_000)
        assert reason(open_shop.pay(2_000)) == "channel_busy"
        assert isinstance(open_shop.serve(first), Paid)


class TestARefund:
    def refund(self, shop: Shop, charged: int = PRICE) -> Before:
        payment = shop.payer.refund(shop.spot, charged)
        return shop.seller.before(payment, requirements(PRICE))

    def test_it_pays_what_was_charged_and_ends_the_channel(self, open_shop: Shop) -> None:
        answer = self.refund(open_shop)
        assert isinstance(answer, Answer)
        assert answer.settlement["amount"] == str(PUT_IN - PRICE)
        state = answer.settlement["extra"]["channelState"]
        assert (state["channelRef"], state["balance"]) == ("", "0")
        assert (open_shop.spot.stage, open_shop.spot.seller) == ("gone", PRICE)

    def test_its_answer_is_repeated(self, open_shop: Shop) -> None:
        payment = open_shop.payer.refund(open_shop.spot, PRICE)
        first = open_shop.seller.before(payment, requirements(PRICE))
        assert open_shop.seller.before(payment, requirements(PRICE)) == first
        assert open_shop.facilitator.calls == ["verify", "settle"]

    def test_a_voucher_is_refused_while_it_may_land(self, open_shop: Shop) -> None:
        open_shop.facilitator.is_pending = True
        assert reason(self.refund(open_shop)) == "settlement_pending"
        assert reason(open_shop.pay(2_000)) == "channel_closed"
        open_shop.facilitator.is_pending = False
        assert isinstance(self.refund(open_shop), Answer)

    def test_a_voucher_and_a_refund_exclude_each_other(self, open_shop: Shop) -> None:
        before = open_shop.pay(2_000)
        assert reason(self.refund(open_shop)) == "channel_busy"
        assert isinstance(open_shop.serve(before), Paid)
        assert reason(self.refund(open_shop)) == "cumulative_amount_mismatch"

    def test_none_is_signed_for_a_channel_that_has_just_ended(self, open_shop: Shop) -> None:
        """The chain shows its end while the facilitator is asked."""

        def end() -> None:
            now_ms = START * 1000 + 1
            ended = Ended(0, False, now_ms)
            open_shop.seller.records.change(
                open_shop.tag, lambda each: watch(each, ended, "", ClaimPolicy(), now_ms)
            )

        open_shop.facilitator.meanwhile = end
        assert isinstance(self.refund(open_shop), Refusal)
        assert open_shop.facilitator.calls == ["verify"]

    def test_without_a_key_none_is_signed(self, open_shop: Shop) -> None:
        open_shop.seller = open_shop.open(key=None)
        assert reason(self.refund(open_shop)) == "refund_transaction"
        assert isinstance(open_shop.pay(2_000), Serve)

    @pytest.mark.parametrize(
        "body",
        [
            {0: [[b"\x55" * 32, 0]]},
            {0: [[b"\x55" * 32, 0], [b"\x56" * 32, 0]]},
            {14: [PROVIDER.key_hash]},
            {1: [{0: b"\x60" + b"\x01" * 28, 1: PUT_IN}]},
            {9: {b"\x01" * 28: {b"": 1}}},
        ],
        ids=["other input", "more inputs", "signers", "unpaid", "mint"],
    )
    def test_one_of_another_shape_is_not_signed_though_the_facilitator_takes_it(
        self, open_shop: Shop, body: dict[int, Any]
    ) -> None:
        raw = mutual(open_shop.payer, open_shop.spot, PRICE, body=body)
        encoded = base64.b64encode(raw).decode()
        payment = open_shop.payer.payment("refund", PRICE, open_shop.spot.ref, transaction=encoded)
        assert reason(open_shop.seller.before(payment, requirements(PRICE))) == "refund_transaction"
        assert open_shop.facilitator.calls == ["verify"]
        assert isinstance(open_shop.pay(2_000), Serve)
