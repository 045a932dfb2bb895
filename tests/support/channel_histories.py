"""Histories of channels: payers, a seller that is killed between any two of its steps, a chain.

Messages arrive in any order, twice, or not at all. Blocks are rolled back, above the depth at which
a deposit is confirmed. Consumers close and leave. The seller looks at the chain every 4 minutes.
At the end of each history every channel is wound up.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from facilitator.testing.clock import ManualClock
from facilitator_channels.client import channel as client
from facilitator_channels.client.channel import CannotPay, ClientChannel, Distrusted, Status
from facilitator_channels.seller import claims, watching
from facilitator_channels.seller.answers import correct
from facilitator_channels.seller.claims import ClaimPolicy
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.redeeming import SignedClaim, redeem
from facilitator_channels.seller.request import Refusal
from facilitator_channels.seller.seller import Paid, Seller, Serve
from facilitator_channels.seller.store import StoreUnavailable
from support.modelled_channels import (
    DEPTH,
    NETWORK,
    PROVIDER,
    SCRIPT_HASH,
    Consumer,
    ModelChain,
    ModelFacilitator,
    Spot,
    claim_tx,
    close_tx,
    open_tx,
    requirements,
    take_tx,
    top_up_tx,
    view_of,
)

START = 1_800_000_000
PAYERS = 2
WATCH_SECONDS = 240
POLICY = ClaimPolicy(base=20, each=5, least_settled=1, most_channels=2)
PUT_IN = 60

payers = st.integers(0, PAYERS - 1)
prices = st.sampled_from([1, 10, 25])
indices = st.integers(0, 7)
fuses = st.sampled_from([None, None, None, *range(8)])
rare = st.sampled_from([False, False, False, True])


class Killed(BaseException):
    """The seller's process ends here."""


class Fuse:
    """Counts moments down, and kills the process at the last."""

    def __init__(self) -> None:
        self.left: int | None = None

    def tick(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed


class FragileStore:
    """Records that a loss of power takes back to the last durable change."""

    def __init__(self, fuse: Fuse) -> None:
        self.records: dict[str, bytes] = {}
        self.safe: dict[str, bytes] = {}
        self.loses_reply = False
        self._fuse = fuse

    def read(self, channel_id: str) -> bytes | None:
        return self.records.get(channel_id)

    def replace(
        self, channel_id: str, old: bytes | None, new: bytes | None, *, durable: bool
    ) -> bool:
        self._fuse.tick()
        if self.records.get(channel_id) != old:
            return False
        if new is None:
            self.records.pop(channel_id, None)
        else:
            self.records[channel_id] = new
        if durable:
            self.safe = dict(self.records)
        self._fuse.tick()
        if self.loses_reply:
            self.loses_reply = False
            raise StoreUnavailable("the reply is lost")
        return True

    def scan(self) -> Iterator[bytes]:
        return iter(list(self.records.values()))

    def close(self) -> None:
        pass


class FragileFacilitator(ModelFacilitator):
    """One whose caller may be killed while it asks."""

    def __init__(self, chain: ModelChain, fuse: Fuse) -> None:
        super().__init__(chain)
        self._fuse = fuse

    def verify(self, payment: Mapping[str, Any], asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self._fuse.tick()
        answer = super().verify(payment, asked)
        self._fuse.tick()
        return answer

    def settle(
        self, payment: Mapping[str, Any], asked: Mapping[str, Any], key: str
    ) -> Mapping[str, Any]:
        self._fuse.tick()
        answer = super().settle(payment, asked, key)
        self._fuse.tick()
        return answer


class Sent(NamedTuple):
    """A message on its way, or here again."""

    payer: int
    payment: Mapping[str, Any]
    price: int


class ChannelHistories(RuleBasedStateMachine):
    """The history; its rules happen in any order."""

    @initialize()
    def begin(self) -> None:
        self.clock = ManualClock(START)
        self.chain = ModelChain(self.clock)
        self.fuse = Fuse()
        self.store = FragileStore(self.fuse)
        self.facilitator = FragileFacilitator(self.chain, self.fuse)
        self.consumers = [Consumer(number) for number in range(PAYERS)]
        self.clients: list[ClientChannel | None] = [None] * PAYERS
        self.sent: list[Sent] = []
        self.running: list[tuple[Serve, Sent]] = []
        self.served: Counter[str] = Counter()
        self.highest: Counter[str] = Counter()
        """The greatest amount that was ever signed."""
        self.counts: Counter[str] = Counter()
        self.watched_at = float(START)
        self.seller = self.restart()
        self.open_channel(0, 10)
        self.serve_newest(saved=0, is_lost=False)

    # Payers.

    @rule(payer=payers, price=prices, saved=st.sampled_from([0, 0, 1]), is_lost=rare)
    def buy(self, payer: int, price: int, saved: int, is_lost: bool) -> None:
        """Pay, and be served at once."""
        if self.clients[payer] is None:
            self.open_channel(payer, price)
        elif not self.pay(payer, price):
            self.top_up(payer, price)
        self.serve_newest(saved, is_lost)

    @rule(payer=payers, price=prices)
    def open_channel(self, payer: int, price: int) -> None:
        if self.clients[payer] is not None:
            return
        consumer = self.consumers[payer]
        tx = open_tx(self.chain, consumer, PUT_IN)
        self.facilitator.txs[tx.id] = tx
        self.clients[payer] = ClientChannel(
            consumer.tag, NETWORK, SCRIPT_HASH, consumer.config, (str(consumer.input),)
        )
        self.sign(payer, price, price)
        self.send(payer, consumer.deposit(tx, PUT_IN, price), price)

    @rule(payer=payers, price=prices)
    def send_voucher(self, payer: int, price: int) -> None:
        self.pay(payer, price)

    def pay(self, payer: int, price: int) -> bool:
        """Send a voucher, if the channel can pay."""
        known = self.client_of(payer)
        if known is None:
            return False
        try:
            amount = client.next_amount(known, price)
        except CannotPay:
            return False
        self.sign(payer, amount, price)
        self.send(payer, self.consumers[payer].payment("voucher", amount, known.channel_ref), price)
        return True

    @rule(payer=payers, price=prices)
    def top_up(self, payer: int, price: int) -> None:
        known, spot = self.client_of(payer), self.spot(payer)
        if known is None or spot is None or spot.stage != "opened":
            return
        known = client.read_from_chain(known, view_of(spot, 0))
        self.clients[payer] = known
        tx = top_up_tx(self.chain, spot, self.consumers[payer], PUT_IN)
        self.facilitator.txs[tx.id] = tx
        self.sign(payer, known.count + price, price)
        message = self.consumers[payer].deposit(tx, PUT_IN, known.count + price, spot.ref)
        self.send(payer, message, price)

    @rule(payer=payers)
    def ask_for_refund(self, payer: int) -> None:
        known, spot = self.client_of(payer), self.spot(payer)
        if known is None or spot is None or spot.stage != "opened" or known.count < spot.subbed:
            return
        if known.count - spot.subbed <= spot.funds:
            self.sign(payer, known.count, 0)
            self.send(payer, self.consumers[payer].refund(spot, known.count), 1)

    @rule(payer=payers)
    def close(self, payer: int) -> None:
        spot = self.spot(payer)
        if spot is not None and spot.stage == "opened":
            now = round(self.clock.time())
            self.chain.submit(close_tx(self.chain, spot, self.tag(payer), now))

    @rule(payer=payers)
    def take(self, payer: int) -> None:
        spot = self.spot(payer)
        if spot is not None and self.may_take(spot):
            self.chain.submit(take_tx(self.chain, spot, self.tag(payer)))

    @rule(payer=payers)
    def read_the_chain(self, payer: int) -> None:
        known, spot = self.clients[payer], self.spot(payer)
        if known is not None and spot is not None and spot.stage in ("opened", "closed"):
            self.clients[payer] = client.read_from_chain(known, view_of(spot, 0))

    @rule(payer=payers, count=st.integers(0, 100), signed=st.integers(0, 100))
    def be_lied_to(self, payer: int, count: int, signed: int) -> None:
        """Another server answers with a count of its own, without an IOU for it."""
        known = self.clients[payer]
        if known is None:
            return
        state = {
            "channelId": known.channel_id.hex(),
            "chargedCumulativeAmount": str(count),
            "totalClaimed": "0",
        }
        junk = {"signedMaxClaimable": str(signed), "signature": "07" * 64}
        self.learn(payer, lambda: client.corrected(known, state, junk))
        more = {"chargedAmount": str(signed), "channelState": state}
        if signed > 0:
            self.learn(payer, lambda: client.settled(known, signed - 1, more))

    # The seller.

    @precondition(lambda self: self.sent)
    @rule(
        index=indices, fuse=fuses, power=st.booleans(), is_lost=rare, loses_reply=rare, beside=rare,
        is_pending=rare,
    )  # fmt: skip
    def deliver(
        self, index: int, fuse: int | None, power: bool, is_lost: bool, loses_reply: bool,
        beside: bool, is_pending: bool,
    ) -> None:  # fmt: skip
        message = self.sent[-1 - index % len(self.sent)]
        self.facilitator.is_pending = is_pending
        if beside:
            self.facilitator.meanwhile = lambda: self.receive(self.sent[-1], is_lost=True)
        self.fragile(lambda: self.receive(message, is_lost), fuse, power, loses_reply)
        self.facilitator.is_pending = False

    @precondition(lambda self: self.running)
    @rule(
        index=indices, saved=st.sampled_from([0, 0, 1]), fuse=fuses, power=st.booleans(),
        is_lost=rare, loses_reply=rare, is_pending=rare,
    )  # fmt: skip
    def finish(
        self, index: int, saved: int, fuse: int | None, power: bool, is_lost: bool,
        loses_reply: bool, is_pending: bool,
    ) -> None:  # fmt: skip
        serve, message = self.running.pop(index % len(self.running))
        self.facilitator.is_pending = is_pending
        work = lambda: self.complete(serve, message, saved, is_lost)  # noqa: E731
        self.fragile(work, fuse, power, loses_reply)
        self.facilitator.is_pending = False

    @precondition(lambda self: self.running)
    @rule(index=indices, fuse=fuses, power=st.booleans())
    def fail(self, index: int, fuse: int | None, power: bool) -> None:
        serve, _ = self.running.pop(index % len(self.running))
        self.fragile(lambda: self.seller.cancel(serve), fuse, power, False)

    @rule(fuse=fuses, power=st.booleans())
    def watch(self, fuse: int | None, power: bool) -> None:
        self.fragile(self.look_at_all, fuse, power, False)

    # Adverse turns, which single steps seldom make.

    @rule(payer=payers, price=prices, is_later_first=st.booleans())
    def take_over_an_expired_request(self, payer: int, price: int, is_later_first: bool) -> None:
        for _ in range(2):
            if self.pay(payer, price):
                self.receive(self.sent[-1], is_lost=True)
            self.clock.advance(61)
        for _ in range(min(2, len(self.running))):
            serve, message = self.running.pop(-1 if is_later_first else 0)
            self.complete(serve, message, saved=0, is_lost=False)

    @rule(payer=payers, price=prices, seconds=st.sampled_from([0, 61]))
    def close_while_it_works(self, payer: int, price: int, seconds: int) -> None:
        if self.pay(payer, price):
            self.receive(self.sent[-1], is_lost=True)
        self.close(payer)
        self.chain.make_block()
        self.clock.advance(seconds)
        self.look_at_all()
        if self.running:
            self.complete(*self.running.pop(), saved=0, is_lost=False)

    @rule(payer=payers, price=prices)
    def buy_while_a_refund_is_in_doubt(self, payer: int, price: int) -> None:
        self.ask_for_refund(payer)
        self.facilitator.is_pending = True
        if self.sent:
            self.receive(self.sent[-1], is_lost=False)
        self.facilitator.is_pending = False
        self.buy(payer, price, saved=0, is_lost=False)
        self.chain.make_block()

    @rule(payer=payers, price=prices)
    def open_in_doubt_and_spend_the_input(self, payer: int, price: int) -> None:
        if self.clients[payer] is None:
            self.open_channel(payer, price)
            self.facilitator.is_pending = True
            self.serve_newest(saved=0, is_lost=True)
            self.facilitator.is_pending = False
            self.chain.waiting.clear()

    @rule(payer=payers)
    def overdraw(self, payer: int) -> None:
        """Send a voucher above the balance."""
        known, spot = self.client_of(payer), self.spot(payer)
        if known is not None and spot is not None:
            price = spot.subbed + spot.funds + 1 - known.count
            self.sign(payer, known.count + price, price)
            message = self.consumers[payer].payment("voucher", known.count + price, spot.ref)
            self.send(payer, message, price)
            self.serve_newest(saved=0, is_lost=False)

    @rule(payer=payers, price=prices)
    def lose_the_reply_of_a_charge(self, payer: int, price: int) -> None:
        if self.pay(payer, price):
            self.receive(self.sent[-1], is_lost=True)
        if self.running:
            self.store.loses_reply = True
            self.complete(*self.running.pop(), saved=0, is_lost=False)
            self.store.loses_reply = False

    @rule(payer=payers, price=prices)
    def buy_and_lose_power(self, payer: int, price: int) -> None:
        self.buy(payer, price, saved=0, is_lost=False)
        self.lose(power=True)

    @rule(payer=payers, closes=st.booleans())
    def redeem_and_roll_back(self, payer: int, closes: bool) -> None:
        if closes:
            self.close(payer)
            self.chain.make_block()
        self.look_at_all()
        self.take(payer)
        self.chain.make_block()
        self.look_at_all()
        self.chain.roll_back(DEPTH, keeps=False)

    # The world.

    @rule(seconds=st.sampled_from([1, 10, 61, 130]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        if self.clock.time() - self.watched_at > WATCH_SECONDS - 130:
            self.look_at_all()

    @rule()
    def make_block(self) -> None:
        self.chain.make_block()

    @rule(count=st.integers(1, DEPTH), keeps=st.booleans())
    def roll_back(self, count: int, keeps: bool) -> None:
        self.chain.roll_back(count, keeps=keeps)

    # What must hold.

    @invariant()
    def a_record_never_goes_back(self) -> None:
        for payer in range(PAYERS):
            record = self.record(payer)
            if record is None:
                continue
            assert record.charged >= self.counts[record.channel_id]
            self.counts[record.channel_id] = record.charged
            if record.voucher is not None:
                assert record.voucher.amount >= record.charged
                assert record.voucher == self.consumers[payer].sign(record.voucher.amount)

    @invariant()
    def all_that_was_served_is_charged(self) -> None:
        for payer in range(PAYERS):
            assert self.served[self.tag(payer)] <= self.charged(payer)

    @invariant()
    def a_payer_counts_no_more_than_was_charged(self) -> None:
        for payer in range(PAYERS):
            known, spot = self.clients[payer], self.spot(payer)
            subbed = spot.subbed if spot else 0
            if known is not None:
                assert known.count <= max(self.charged(payer), subbed, known.claimed)

    def teardown(self) -> None:
        """Wind up every channel: the seller gets all that it served for, the payer the rest."""
        if not hasattr(self, "seller"):
            return
        self.fuse.left = None
        for _ in range(2):
            self.settle_down()
            for payer in range(PAYERS):
                self.close(payer)
        for _ in range(8):
            self.settle_down()
            for payer in range(PAYERS):
                self.take(payer)
        for payer in range(PAYERS):
            spot, tag = self.spot(payer), self.tag(payer)
            if spot is None:
                assert self.served[tag] == 0
                continue
            assert spot.stage == "gone"
            assert spot.seller >= self.served[tag], (spot, self.served[tag])
            assert spot.seller <= self.highest[tag]
            assert spot.consumer + spot.seller == spot.put_in
            assert self.record(payer) is None
        self.seller.close()

    # How it is done.

    def settle_down(self) -> None:
        for _ in range(DEPTH + 1):
            self.chain.make_block()
        self.clock.advance(WATCH_SECONDS - 130)
        self.look_at_all()
        self.chain.make_block()
        self.clock.advance(130)
        self.look_at_all()

    def serve_newest(self, saved: int, is_lost: bool) -> None:
        """Receive the newest message, and complete it if it is to be served."""
        if self.sent:
            count = len(self.running)
            self.receive(self.sent[-1], is_lost)
            if len(self.running) > count:
                self.complete(*self.running.pop(), saved, is_lost)

    def receive(self, message: Sent, is_lost: bool) -> None:
        self.facilitator.meanwhile = lambda: None
        result = self.seller.before(message.payment, requirements(message.price))
        if isinstance(result, Serve):
            self.running.append((result, message))
        elif isinstance(result, Refusal):
            self.corrected(message, result)
        elif not is_lost:
            self.answered(message, result.settlement)

    def complete(self, serve: Serve, message: Sent, saved: int, is_lost: bool) -> None:
        result = self.seller.after(serve, b"page", max(0, message.price - saved))
        if isinstance(result, Refusal):
            record = self.seller.records.read(serve.request.channel_id)
            assert record is None or record.request_id != serve.request.id
            return
        assert isinstance(result, Paid)
        self.served[serve.request.channel_id] += int(result.settlement["extra"]["chargedAmount"])
        if not is_lost:
            self.answered(message, result.settlement)

    def answered(self, message: Sent, settlement: Mapping[str, Any]) -> None:
        known = self.clients[message.payer]
        assert known is not None
        if message.payment["payload"]["type"] == "refund":
            self.clients[message.payer] = replace(known, status=Status.CLOSED)
            return
        after = self.learn(
            message.payer, lambda: client.settled(known, message.price, settlement["extra"])
        )
        if after is not None and message.payment["payload"]["type"] == "deposit":
            spot = self.spot(message.payer)
            if spot is not None and spot.stage == "opened":
                view = view_of(spot, 0)
                self.clients[message.payer] = client.read_from_chain(after, view)

    def corrected(self, message: Sent, refusal: Refusal) -> None:
        known = self.clients[message.payer]
        extra = correct(requirements(message.price), refusal)["extra"]
        if known is not None and "voucherState" in extra:
            state, voucher = extra["channelState"], extra["voucherState"]
            self.learn(message.payer, lambda: client.corrected(known, state, voucher))

    def learn(self, payer: int, step: Any) -> ClientChannel | None:
        try:
            self.clients[payer] = step()
        except Distrusted:
            return None
        return self.clients[payer]

    def sign(self, payer: int, amount: int, price: int) -> None:
        tag, spot = self.tag(payer), self.spot(payer)
        assert amount <= max(self.charged(payer), spot.subbed if spot else 0) + price
        self.highest[tag] = max(self.highest[tag], amount)

    def send(self, payer: int, payment: Mapping[str, Any], price: int) -> None:
        self.sent = [*self.sent[-7:], Sent(payer, payment, price)]

    def look_at_all(self) -> None:
        """Look at each channel, and redeem what is to be redeemed: what a watcher does."""
        self.watched_at = self.clock.time()
        now_ms = round(self.clock.time() * 1000)
        for payer in range(PAYERS):
            seen, anchor = self.chain.see(self.tag(payer), now_ms)
            self.seller.records.change(
                self.tag(payer),
                lambda each, seen=seen, anchor=anchor: watching.watch(  # type: ignore[misc]
                    each, seen, anchor, POLICY, now_ms
                ),
            )
        for batch in claims.choose(self.seller.records, {"lovelace": POLICY}, now_ms):
            redeem(self.seller.records, self.facilitator, batch, self.build, now_ms)

    def build(self, batch: claims.Batch) -> SignedClaim:
        consumers = {each.tag.hex(): each for each in self.consumers}
        txs = [claim_tx(self.chain, each, consumers[each.channel_id]) for each in batch.redemptions]
        self.facilitator.txs.update({tx.id: tx for tx in txs})
        positions = {tx.tag: f"{tx.id}#0" for tx in txs}
        return SignedClaim(txs[0].id, " ".join(tx.id for tx in txs).encode(), positions)

    def fragile(self, work: Any, fuse: int | None, power: bool, loses_reply: bool) -> None:
        self.fuse.left, self.store.loses_reply = fuse, loses_reply
        try:
            work()
        except Killed:
            self.lose(power)
        finally:
            self.fuse.left, self.store.loses_reply = None, False
            self.facilitator.meanwhile = lambda: None

    def lose(self, power: bool) -> None:
        """End the process; a loss of power also takes what was not durable."""
        self.running = []
        if power:
            self.store.records = dict(self.store.safe)
        self.seller.close()
        self.seller = self.restart()

    def restart(self) -> Seller:
        return Seller(self.store, self.facilitator, key=PROVIDER, clock=self.clock)

    def client_of(self, payer: int) -> ClientChannel | None:
        known = self.clients[payer]
        return known if known is not None and known.status is Status.OPEN else None

    def may_take(self, spot: Spot) -> bool:
        is_late = spot.stage == "closed" and self.clock.time() >= spot.elapse_at
        return spot.stage == "settled" or is_late

    def charged(self, payer: int) -> int:
        """The count by the seller's record, or by its last one."""
        record = self.record(payer)
        return self.counts[self.tag(payer)] if record is None else record.charged

    def record(self, payer: int) -> ChannelRecord | None:
        return self.seller.records.read(self.tag(payer))

    def spot(self, payer: int) -> Spot | None:
        return self.chain.spot(self.tag(payer))

    def tag(self, payer: int) -> str:
        return self.consumers[payer].tag.hex()
