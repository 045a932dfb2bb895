"""A seller, or anyone, makes the chain say that more was redeemed than the payer has signed for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.transaction import OutputRef, Value
from facilitator.plugin import (
    CannotPay,
    OutcomeNotKnown,
    PayOrder,
    Presented,
    Reason,
    SpentBy,
    SubmissionRejected,
    Unknown,
    Unspent,
)
from facilitator.testing.payments import ALICE, MERCHANT
from facilitator.testing.running import NETWORK
from facilitator_channels.channel import Channel
from facilitator_channels.datum import SUBBIT, Opened
from facilitator_channels.paying.book import Book
from facilitator_channels.paying.entry import Entry
from facilitator_channels.paying.finding import follow, list_channels
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.payer import ChannelPayer
from facilitator_channels.paying.withdrawing import withdraw
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.transactions.plan import Purse, ScriptWitness
from facilitator_channels.transactions.redemption import Redemption, claim
from facilitator_channels.validator import load_code
from facilitator_devnet.devnet import Devnet
from support.payer_histories import (
    DEPOSIT,
    PRICE,
    REQUIREMENTS,
    ModelSeller,
    PayerHistory,
    receipt,
    refusal,
)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PayerHistory:
    return PayerHistory(tmp_path, monkeypatch)


def order(history: PayerHistory, present: Callable[[Mapping[str, Any]], Presented]) -> PayOrder:
    return PayOrder(
        "http://seller", NETWORK, REQUIREMENTS, ALICE, history.devnet, history.clock, present,
        lambda _: None, history.folder, DEPOSIT,
    )  # fmt: skip


def means(history: PayerHistory) -> Means:
    return Means(NETWORK, ALICE, history.devnet, history.clock)


def channel_of(history: PayerHistory) -> Channel:
    (channel,) = list_channels(means(history))
    return channel


def put_copy(history: PayerHistory, subbed: int, more: int) -> None:
    """Anyone puts a copy of the channel beside it: no script runs."""
    real = channel_of(history)
    datum = SUBBIT.encode(real.datum._replace(stage=Opened(subbed)))
    value = Value(real.output.value.lovelace + more, {})
    history.devnet.load({OutputRef(bytes(32), 0): replace(real.output, datum=datum, value=value)})


@pytest.mark.parametrize("more", [-PRICE, PRICE])
def test_a_copy_does_not_say_what_a_lost_record_owes(history: PayerHistory, more: int) -> None:
    for _ in range(2):
        assert history.buy()
    put_copy(history, 50 * PRICE, more)
    history.path.unlink()
    ChannelPayer().pay(order(history, history.seller.answer))  # which asserts what is signed
    assert history.seller.served == 3


def test_a_copy_that_a_claim_makes_does_not_move_the_count(history: PayerHistory) -> None:
    """Subbit lets a claim make further outputs, with any datum."""
    assert history.buy()
    put_copy(history, 50 * PRICE, PRICE)
    copy = next(each for each in list_channels(means(history)) if each.subbed)
    amounts: list[int] = []

    def present(payload: Mapping[str, Any]) -> Presented:
        amounts.append(int(payload["voucher"]["maxClaimableAmount"]))
        return refusal(ChannelReason.CHANNEL_STATE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("facilitator_channels.paying.finding.follow", lambda *_: copy)
        with pytest.raises(OutcomeNotKnown):
            ChannelPayer().pay(order(history, present))
    assert max(amounts) == 2 * PRICE


def test_each_iou_that_is_redeemed_and_not_served_is_the_last(history: PayerHistory) -> None:
    """A seller that redeems each IOU at once would be given the next one, four times a purchase."""
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    assert history.buy()
    amounts: list[int] = []
    devnet = history.devnet

    def present(payload: Mapping[str, Any]) -> Presented:
        voucher = payload["voucher"]
        amounts.append(int(voucher["maxClaimableAmount"]))
        owed = Redemption(channel_of(history), amounts[-1], bytes.fromhex(voucher["signature"]))
        purse = Purse(MERCHANT.address, devnet.outputs_at(MERCHANT.address))
        made = claim([owed], ScriptWitness(load_code()), purse, means(history).ledger())
        devnet.submit(made.with_signatures([MERCHANT.sign(made.id)]))
        devnet.produce_block()
        return refusal(ChannelReason.CUMULATIVE_BELOW_CLAIMED)

    with pytest.raises(OutcomeNotKnown, match="has redeemed the IOU for this page"):
        ChannelPayer().pay(order(history, present))
    assert amounts == [2 * PRICE]


def test_what_was_signed_in_one_channel_says_nothing_in_the_next(history: PayerHistory) -> None:
    """A seller counts what it gets in a new channel, serves none, and asks for the next."""
    for _ in range(3):
        assert history.buy()
    history.roll_back()
    history.spend_elsewhere()
    seller = ModelSeller(history.devnet)
    known = set(history.seller.charged)
    amounts: list[int] = []

    def present(payload: Mapping[str, Any]) -> Presented:
        voucher = payload["voucher"]
        if voucher["channelId"] in known:
            return refusal(ChannelReason.CHANNEL_NOT_FOUND)
        amounts.append(int(voucher["maxClaimableAmount"]))
        signature = bytes.fromhex(voucher["signature"])
        return seller.mismatch(voucher["channelId"], amounts[-1], amounts[-1], signature)

    ChannelPayer().pay(order(history, present))
    assert amounts == [PRICE]


def test_a_page_that_was_paid_is_shown_though_the_record_cannot_be_written(
    history: PayerHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert history.buy()
    put, said = Book.put, list[str]()

    def fails_in_the_end(book: Book, entry: Entry) -> None:
        if entry.channel.count == 2 * PRICE:
            raise CannotPay("the disk is full")
        put(book, entry)

    this = replace(order(history, history.seller.answer), report=said.append)
    with monkeypatch.context() as patch:
        patch.setattr(Book, "put", fails_in_the_end)
        assert ChannelPayer().pay(this).presented.answer.status == 200
    assert "the disk is full" in "\n".join(said)
    assert history.buy_again()  # the seller says what it has charged


def test_a_step_that_the_chain_refuses_is_told(
    history: PayerHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    assert history.buy()

    def refuse(*_: object) -> str:
        raise SubmissionRejected("OutsideValidityInterval")

    monkeypatch.setattr(Devnet, "submit", refuse)
    kept = Book(history.folder, NETWORK, means(history).payer)
    with kept.locked(print), pytest.raises(CannotPay, match="does not take it now"):
        withdraw(kept, means(history), channel_of(history).constants.tag.hex(), None)


def test_a_refund_that_the_seller_only_claims_is_told(history: PayerHistory) -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    assert history.buy()
    name = channel_of(history).constants.tag.hex()
    history.path.unlink()  # so little cannot be paid out: the refund owes nothing

    def present(_: Mapping[str, Any]) -> Presented:
        return receipt(0, name, PRICE)

    paid = ChannelPayer().take_back(order(history, present))
    assert paid.summary.endswith(
        f"which it does not show yet; if it never does: facilitator channels withdraw {name}"
    )


def test_the_payer_follows_the_copy_that_has_most_of_its_money(history: PayerHistory) -> None:
    """A copy whose datum says much and that holds little leads away from no money."""
    assert history.buy()
    (entry,) = Book(history.folder, NETWORK, means(history).payer).entries()
    real = channel_of(history)
    poor = replace(
        real.output,
        datum=SUBBIT.encode(real.datum._replace(stage=Opened(10**9))),
        value=Value(real.output.value.lovelace - PRICE, {}),
    )
    spender = Spends(history.devnet, [poor, real.output])
    found = follow(entry, replace(means(history), chain=spender))
    assert isinstance(found, Channel)
    assert found.subbed == 0


class Spends:
    """The devnet, after a transaction that has made these outputs from the channel."""

    def __init__(self, devnet: Devnet, outputs: list[Any]) -> None:
        self._devnet = devnet
        self._made = {OutputRef(bytes(32), n): each for n, each in enumerate(outputs)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._devnet, name)

    def outputs(self, refs: Any) -> Any:
        return {ref: Unknown("moved") for ref in refs}

    def spender(self, ref: OutputRef) -> Any:
        made = self._made.get(ref)
        return Unspent(made) if made else SpentBy("00" * 32, None, (), tuple(self._made.items()))


def test_a_position_that_never_was_is_looked_up_on_the_chain(history: PayerHistory) -> None:
    """A seller names one, or a rollback takes it away: no provider knows where that has gone."""
    assert history.buy()
    real, positions = str(channel_of(history).ref), list[str]()
    book = Book(history.folder, NETWORK, means(history).payer)
    (kept,) = book.entries()
    book.put(kept.with_channel(replace(kept.channel, channel_ref="ff" * 32 + "#0")))

    def present(payload: Mapping[str, Any]) -> Presented:
        positions.append(payload["voucher"]["channelRef"])
        if positions[-1] != real:
            return refusal(Reason.CHAIN_LOOKUP_FAILED)
        return receipt(PRICE, kept.id, 2 * PRICE)

    ChannelPayer().pay(order(history, present))
    assert positions == ["ff" * 32 + "#0", real]
