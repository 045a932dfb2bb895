"""One run: payers, a fleet that is killed, rollbacks, closes; then all is settled and compared."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

from channel_chaos.payer import PRICE, Payer, Shops
from channel_chaos.world import World
from facilitator.plugin import SubmissionRejected
from facilitator_channels.channel import Channel, Validator
from facilitator_channels.client.channel import Distrusted
from facilitator_channels.datum import Constants, Settled
from facilitator_channels.iou import derive_tag
from facilitator_channels.reserve import compute_reserve, held
from facilitator_channels.transactions.channel import channel_address
from facilitator_channels.transactions.plan import Purse
from facilitator_channels.transactions.steps import close, open_channel
from facilitator_devnet.wallet import key_hash
from support.channel_play import CONSUMER, PERIOD_SECONDS, PROVIDER, iou_key

FUNDS = 12_000_000
AT_ONCE = 16
DEEP = 4
DEEPEST_ROLLBACK = 2
UNDONE = 2
"""Channels whose settlement is undone in the end."""
UNDO_TURNS = 40
"""Turns in which settlements that are to be undone can be made."""
SEEN_TURNS = 4
"""Turns after which what is in a block has been seen, and told."""
REPEATED = 5
"""One of so many vouchers is sent again after its answer."""
BUSY_SECONDS = 0.2
SHOPS = 0.7
"""The share of kills that are of a shop; the others are of a redeemer."""
DROPPED = 0.4
"""The share of rollbacks after which the other branch lacks what the blocks held."""
FEES = 10_000_000
MOST_SECONDS = 900.0


class Size(NamedTuple):
    """How much happens."""

    channels: int
    vouchers: int
    kills: int
    rollbacks: int
    closes: int
    """Channels that are closed while vouchers are still sent."""
    processes: int = 2
    """Shops, and as many redeemers."""
    turns: int = 400
    """Turns of redeemers after which what is not settled will not be."""


class Campaign:
    """A run in a world that is up."""

    def __init__(self, world: World, size: Size, seed: int) -> None:
        self.world, self.size = world, size
        self._random = random.Random(seed)
        self._shops = Shops(world.port)
        self._lock, self._upsetting = threading.Lock(), threading.Lock()
        self._sent = 0
        self._upsets = self._plan()
        self.payers: list[Payer] = []
        self.violations: list[str] = []
        self.redeemed = self.served = 0

    def run(self) -> Sequence[str]:
        """Carry it out; return what is wrong."""
        for _ in range(self.size.processes):
            self.world.start("shop")
            self.world.start("redeemer")
        with closing(self._shops):
            self._open()
            self._pay()
        last = self._choose_due()
        first = [each for each in self.payers if each not in last]
        self._close_all(first)
        self._await_settled(first)
        self._undo(last)
        self._close_all(self.payers)
        self._await_settled(self.payers)
        self._compare()
        return self.violations

    def _plan(self) -> deque[tuple[int, str, float]]:
        """What happens once so many vouchers were sent."""
        size, draw = self.size, self._random
        kinds = ["kill"] * size.kills + ["roll back"] * size.rollbacks + ["close"] * size.closes
        return deque(sorted((draw.randrange(size.vouchers), each, draw.random()) for each in kinds))

    def _open(self) -> None:
        """Each payer opens its channel by its first request."""
        world = self.world
        funded = [world.devnet.fund(CONSUMER.address, FUNDS) for _ in range(self.size.channels)]
        purse = world.play.purse(CONSUMER)
        ledger, parties = world.play.ledger, (CONSUMER, PROVIDER)
        consumer, provider = (key_hash(each.payment_key) for each in parties)
        price = ledger.parameters.coins_per_utxo_byte
        for first in funded:
            tag = derive_tag(first)
            key = bytes(iou_key(tag).verify_key)
            constants = Constants(tag, None, key, consumer, provider, PERIOD_SECONDS * 1000)
            alone = Purse(CONSUMER.address, {first: purse.utxo[first]})
            put_in = FUNDS - 2_000_000
            unsigned = open_channel(constants, put_in, first, world.validator, alone, ledger)
            raw = unsigned.with_signatures([CONSUMER.sign(unsigned.id)])
            payer = Payer(constants, world.validator.script_hash, raw, str(first), put_in)
            payer.opened(put_in - _reserve(world.validator, constants, price))
            self.payers.append(payer)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._deposit, self.payers))
        height = world.devnet.tip().height
        _wait(lambda: world.devnet.tip().height >= height + DEEP)

    def _deposit(self, payer: Payer) -> None:
        payment = payer.deposit(PRICE)
        while why := payer.take(payment, self._shops.ask(payment, 0), PRICE):
            assert not payer.is_closed, why
            time.sleep(BUSY_SECONDS)

    def _pay(self) -> None:
        ready = deque(self.payers)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda _: self._pay_from(ready), range(AT_ONCE)))

    def _pay_from(self, ready: deque[Payer]) -> None:
        while True:
            with self._lock:
                if self._sent >= self.size.vouchers:
                    return
                payer = ready.popleft() if ready else None
                is_due = payer is not None and self._upsets and self._upsets[0][0] <= self._sent
                upset = self._upsets.popleft() if is_due else None
            if payer is None:
                time.sleep(BUSY_SECONDS)
                continue
            if upset is not None:
                self._upset(payer, upset[1], upset[2])
            self._buy(payer)
            if not payer.is_closed:
                ready.append(payer)

    def _upset(self, payer: Payer, kind: str, draw: float) -> None:
        with self._upsetting:
            if kind == "kill":
                self.world.kill("shop" if draw < SHOPS else "redeemer", draw * 10 % 1)
            elif kind == "roll back":
                blocks = 1 + int(draw * DEEPEST_ROLLBACK)
                self.world.roll_back(blocks, drop=draw * 10 % 1 < DROPPED)
            else:
                self._close(self.world.channels().get(payer.tag))

    def _buy(self, payer: Payer) -> None:
        payment = payer.voucher(PRICE)
        saved = int(payer.tag[0] + payer.known.count) % 3
        try:
            why = payer.take(payment, self._shops.ask(payment, saved), PRICE)
            if not why and len(payer.pages) % REPEATED == 0:
                payer.take_again(self._shops.ask(payment, saved))
        except Distrusted as error:
            payer.is_closed = True
            self._find(f"{payer.tag.hex()}: {error}")
            return
        self.world.counts[f"vouchers {why.rpartition('cardano_')[2] or 'paid'}"] += 1
        if not why:
            with self._lock:
                self._sent += 1
        elif not payer.is_closed:
            time.sleep(BUSY_SECONDS)

    def _close(self, channel: Channel | None) -> None:
        """Have the consumer close the channel if it is open and not about to move."""
        world = self.world
        if channel is None or not channel.is_opened:
            return
        fee = world.devnet.fund(CONSUMER.address, FEES)
        purse = Purse(CONSUMER.address, {fee: world.play.output(fee).output})
        ledger = world.play.ledger
        try:
            unsigned = close(channel, world.script, purse, ledger, valid_until=world.play.soon)
            world.devnet.submit(unsigned.with_signatures([CONSUMER.sign(unsigned.id)]))
        except SubmissionRejected:
            return
        world.counts["closes"] += 1

    def _close_all(self, left: Sequence[Payer]) -> None:
        """Have the consumers close their channels, in a block."""
        while left:
            found = self.world.channels()
            for payer in left:
                self._close(found.get(payer.tag))
            height = self.world.devnet.tip().height
            _wait(lambda height=height: self.world.devnet.tip().height > height)  # type: ignore[misc]
            found = self.world.channels()
            left = [each for each in left if each.tag not in found or found[each.tag].is_opened]

    def _await_settled(self, payers: Sequence[Payer]) -> None:
        until = self.world.turns + self.size.turns
        _wait(lambda: self._are_settled(payers) or self.world.turns > until)

    def _are_settled(self, payers: Sequence[Payer]) -> bool:
        found = self.world.channels()
        return all(_is_done(each, found.get(each.tag)) for each in payers)

    def _choose_due(self) -> Sequence[Payer]:
        """Return payers of open channels from which something is to be redeemed."""
        found = self.world.channels()
        due = [
            each
            for each in self.payers
            if (channel := found.get(each.tag))
            and channel.is_opened
            and not _is_done(each, channel)
        ]
        return due[:UNDONE]

    def _undo(self, payers: Sequence[Payer]) -> None:
        """Have closes and settlements be seen, and then undone: both must be made again."""
        world, tags = self.world, {each.tag for each in payers}
        world.is_paused = True
        while any(each is None or each.is_opened for each in map(world.channels().get, tags)):
            found = world.channels()
            for tag in tags:
                self._close(found.get(tag))
            world.devnet.produce_block()
        turns = world.turns + UNDO_TURNS
        # Until they are settled in the mempool, if the wallet has money for that without a block.
        _wait(lambda: not tags & world.channels().keys() or world.turns > turns)
        world.devnet.produce_block()
        seen = world.turns + SEEN_TURNS * self.size.processes
        _wait(lambda: world.turns > seen)
        world.roll_back(DEEPEST_ROLLBACK, drop=True)
        world.is_paused = False

    def _compare(self) -> None:
        found = self.world.channels()
        for payer in self.payers:
            channel, name = found.get(payer.tag), payer.tag.hex()
            if channel is None or not _is_done(payer, channel):
                self._find(f"{name}: closed, and not settled")
            if channel is None:
                continue
            redeemed = payer.put_in - held(channel.output, channel.constants)
            self.redeemed += redeemed
            self.served += payer.served
            if redeemed != payer.served:
                self._find(f"{name}: {payer.served} was charged, and {redeemed} is redeemed")
            if redeemed > payer.highest:
                self._find(f"{name}: {payer.highest} was signed, and {redeemed} is redeemed")

    def _find(self, what: str) -> None:
        self.violations.append(what)


def _is_done(payer: Payer, channel: Channel | None) -> bool:
    """Return True once it is settled, or nothing is left to be redeemed from it."""
    if channel is None:
        return False
    redeemed = payer.put_in - held(channel.output, channel.constants)
    return isinstance(channel.datum.stage, Settled) or redeemed == payer.served


def _reserve(validator: Validator, constants: Constants, price: int) -> int:
    script_hash, codec = validator
    address = channel_address(script_hash, 0)
    return compute_reserve(address, script_hash, constants, codec, price)


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while not done():
        assert time.monotonic() < deadline, "the run does not come to an end"
        time.sleep(BUSY_SECONDS)
