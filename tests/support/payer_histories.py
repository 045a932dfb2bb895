"""Histories of a payer by channel, which is killed between any two of its steps.

The payer is the real one, over a devnet. The seller is a model that remembers what it has charged:
no IOU may be for more than that and one price. One that lies may take one price for each purchase,
and no more. Messages and answers are lost, the records go back
or away, blocks are rolled back, and the seller lies.
"""

import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from facilitator.plugin import (
    CannotPay,
    HttpAnswer,
    PayOrder,
    Presented,
    SubmissionRejected,
)
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, MERCHANT
from facilitator.testing.running import NETWORK, NOW
from facilitator_channels.iou import iou_holds
from facilitator_channels.messages import Deposit, read_message
from facilitator_channels.paying import book
from facilitator_channels.paying.finding import list_channels
from facilitator_channels.paying.means import Means
from facilitator_channels.paying.payer import ChannelPayer
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.seller.request import MISMATCH
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import PARAMETERS
from facilitator_devnet.wallet import key_hash, pay

PRICE = 1_000
DEPOSIT = 100 * PRICE
REQUIREMENTS = {
    "scheme": "batch-settlement",
    "network": NETWORK,
    "asset": "lovelace",
    "amount": str(PRICE),
    "payTo": MERCHANT.bech32,
    "maxTimeoutSeconds": 60,
    "extra": {
        "scriptHash": SCRIPT_HASH.hex(),
        "receiverAuthorizer": key_hash(MERCHANT.payment_key).hex(),
        "withdrawDelay": 3_600,
    },
}


class Killed(BaseException):
    """The payer's process ends here."""


class PayersDevnet(Devnet):
    """A devnet that the payer takes for a network."""

    is_devnet = False


class ModelSeller:
    """A seller that charges one price for each page, once."""

    def __init__(self, devnet: Devnet) -> None:
        self.devnet = devnet
        self.charged: dict[str, int] = {}
        self.newest: dict[str, tuple[int, bytes]] = {}
        self.kept: dict[str, Presented] = {}
        self.served = 0
        self.is_pending = False
        self.lies = False
        self.lies_so_far = 0
        self.signed: dict[str, int] = {}
        """The greatest amount that was signed, by channel."""
        self.signed_before: dict[str, int] = {}
        """The same before this purchase. One that has lied may have been believed so far."""

    def answer(self, payload: Mapping[str, Any]) -> Presented:
        message = read_message(payload)
        voucher, config = message.voucher, message.config  # type: ignore[union-attr]
        name, amount = voucher.channel_id.hex(), voucher.amount
        charged = self.charged.get(name, 0)
        agreed = max(charged, self.signed_before.get(name, 0)) if self.lies_so_far else charged
        assert amount <= agreed + PRICE, f"signed {amount}, agreed to {agreed}"
        assert iou_holds(config.payer_authorizer, voucher.channel_id, amount, voucher.signature)
        if self.lies:
            return self._lie(name, charged, amount, voucher.signature)
        if self.newest.get(name) == (amount, voucher.signature):
            return self.kept[name]
        known = self.newest.get(name)
        if known and amount != charged + PRICE:
            return self.mismatch(name, charged, *known)
        if not known and isinstance(message, Deposit) and amount != PRICE:
            return refusal(MISMATCH)
        if isinstance(message, Deposit):
            refused = self._settle(message.transaction)
            if refused is not None:
                return refused
        if name not in self.on_chain():
            return refusal(ChannelReason.CHANNEL_NOT_FOUND)
        self.charged[name] = amount
        self.newest[name] = (amount, voucher.signature)
        self.served += 1
        self.kept[name] = receipt(PRICE, name, amount)
        return self.kept[name]

    def on_chain(self) -> list[str]:
        means = Means(NETWORK, ALICE, self.devnet, ManualClock(NOW))
        return [channel.constants.tag.hex() for channel in list_channels(means)]

    def _settle(self, transaction: bytes) -> Presented | None:
        if self.is_pending:
            receipt = {"success": False, "errorReason": "settlement_pending"}
            return Presented(HttpAnswer(402, Message(), b""), receipt)
        try:
            self.devnet.submit(transaction)
        except SubmissionRejected:
            return refusal(ChannelReason.DEPOSIT_TRANSACTION)
        self.devnet.produce_block()
        return None

    def mismatch(self, name: str, count: int, signed: int, signature: bytes) -> Presented:
        state = {"channelId": name, "chargedCumulativeAmount": str(count), "totalClaimed": "0"}
        voucher = {"signedMaxClaimable": str(signed), "signature": signature.hex()}
        extra = {**REQUIREMENTS["extra"], "channelState": state, "voucherState": voucher}  # type: ignore[dict-item]
        return refusal(MISMATCH, [{**REQUIREMENTS, "extra": extra}])

    def _lie(self, name: str, charged: int, amount: int, signature: bytes) -> Presented:
        """Charge too much, count what was never signed, or count this request without serving."""
        self.lies_so_far += 1
        if self.lies_so_far % 3 == 1:
            return self.mismatch(name, amount, amount, signature)
        if self.lies_so_far % 3 == 2:
            return receipt(PRICE + 1, name, charged + PRICE + 1)
        return self.mismatch(name, amount + PRICE, amount + PRICE, signature)


def receipt(charge: int, name: str, count: int) -> Presented:
    state = {"channelId": name, "chargedCumulativeAmount": str(count)}
    extra = {"chargedAmount": str(charge), "channelState": state}
    return Presented(HttpAnswer(200, Message(), b"page"), {"success": True, "extra": extra})


def refusal(reason: str, accepts: Any = (REQUIREMENTS,)) -> Presented:
    required = {"x402Version": 2, "error": reason, "accepts": list(accepts)}
    return Presented(HttpAnswer(402, Message(), b""), None, required)


class PayerHistory:
    """One payer, one seller, and what happens to them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.clock = ManualClock(NOW)
        self.devnet = PayersDevnet(NETWORK, self.clock)
        self.seller = ModelSeller(self.devnet)
        self.folder = folder
        self.path = book.Book(folder, NETWORK, key_hash(ALICE.payment_key)).path
        self.fuse: int | None = None
        self.books: list[bytes] = []
        patch.setattr(book, "_replace", self._replace)

    def buy(self, fuse: int | None = None) -> bool:
        """Buy; the process is killed after so many moments. True if the page was had."""
        served, self.fuse = self.seller.served, fuse
        self.seller.signed_before = dict(self.seller.signed)
        order = PayOrder(
            "http://seller", NETWORK, REQUIREMENTS, ALICE, self.devnet, self.clock, self._present,
            lambda _: None, self.folder, DEPOSIT,
        )  # fmt: skip
        with suppress(Killed, CannotPay):
            ChannelPayer().pay(order)
        self.fuse = None
        assert len(self.seller.on_chain()) <= 1, "a second channel was opened"
        return self.seller.served > served

    def buy_again(self) -> bool:
        """Buy; answers that were lost come first, and cost nothing."""
        return any(self.buy() for _ in range(4))

    def buy_pending(self) -> None:
        """Buy from a seller whose facilitator does not see the opening confirmed."""
        self.seller.is_pending = True
        self.buy()
        self.seller.is_pending = False

    def be_lied_to(self) -> None:
        self.seller.lies = True
        self.buy()
        self.seller.lies = False

    def lose_power(self) -> None:
        """The records are what they were a few writes ago."""
        if len(self.books) > 1:
            del self.books[-1:]
            self.path.write_bytes(self.books[-1])

    def lose_the_book(self) -> None:
        if self.seller.on_chain():
            self.path.unlink(missing_ok=True)
            self.books = []

    def roll_back(self) -> None:
        """The newest block goes, and what was in it is sent again by those who want it."""
        if self.devnet.tip().height:
            self.devnet.rollback(1, drop=True)

    def spend_elsewhere(self) -> None:
        """The wallet spends all its ada, to itself: an opening in doubt can never land."""
        utxo = self.devnet.outputs_at(ALICE.address)
        plain = {ref: output for ref, output in utxo.items() if not output.value.assets}
        total = sum(output.value.lovelace for output in plain.values())
        later = self.devnet.now() + 600
        paying = {"parameters": PARAMETERS, "ttl": later}
        self.devnet.submit(pay(ALICE, plain, ALICE.address, total // 2, **paying))  # type: ignore[arg-type]
        self.devnet.produce_block()

    def wait(self) -> None:
        self.clock.advance(1_300)
        self.devnet.produce_block()

    def wind_up(self) -> None:
        """Nothing is stuck: the page is had again, by a channel that the wallet finds."""
        self.wait()
        assert self.buy_again(), "the payer cannot pay any more"
        (name,) = self.seller.on_chain()
        self.path.unlink(missing_ok=True)
        assert self.buy_again(), "a channel without records is not paid from"
        assert self.seller.on_chain() == [name]
        (kept,) = json.loads(self.path.read_text())["channels"]
        assert int(kept["charged"]) == self.seller.charged[name]

    def _present(self, payload: Mapping[str, Any]) -> Presented:
        self._tick()
        answer = self.seller.answer(payload)
        self._tick()
        return answer

    def _replace(self, path: Path, content: bytes, *, durable: bool) -> None:
        assert durable
        self._tick()
        path.write_bytes(content)
        self.books.append(content)
        for kept in json.loads(content)["channels"]:  # it may have been signed, if not sent
            known = self.seller.signed.get(kept["channelId"], 0)
            self.seller.signed[kept["channelId"]] = max(known, int(kept["signed"]))
        self._tick()

    def _tick(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Killed


ACTIONS: Mapping[str, Callable[[PayerHistory], object]] = {
    "buy": lambda each: each.buy(),
    **{f"be killed after {n}": lambda each, n=n: each.buy(fuse=n) for n in range(8)},  # type: ignore[misc]
    "buy, pending": PayerHistory.buy_pending,
    "be lied to": PayerHistory.be_lied_to,
    "lose power": PayerHistory.lose_power,
    "lose the book": PayerHistory.lose_the_book,
    "roll back": PayerHistory.roll_back,
    "spend elsewhere": PayerHistory.spend_elsewhere,
    "wait": PayerHistory.wait,
}


def run_history(folder: Path, actions: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        history = PayerHistory(folder, patch)
        for action in actions:
            ACTIONS[action](history)
        history.wind_up()


def random_history(seed: int) -> list[str]:
    source = random.Random(seed)
    return source.choices(sorted(ACTIONS), k=source.randrange(1, 10))
