"""A chain as busy as mainnet at its limit: full blocks, forks, and others' transactions.

Blocks come at the end of random slots, one in twenty, as the ledger draws its leaders. Each is full
of what waits and of others' payments. Some are left for another fork, of one block more.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import orjson
from virtual_time import VirtualTime

from chaos.history import Block, RolledBack
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator_devnet.blocks import split
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import MAX_BLOCK_BODY_SIZE, PARAMETERS
from facilitator_devnet.ogmios.shapes import show_block
from facilitator_devnet.wallet import Wallet, pay

NETWORK = "cardano:preprod"
ACTIVE_SLOTS = 0.05
"""The part of slots in which a block is made: one in 20 seconds."""
FORKS = {1: 0.05, 2: 0.0025, 3: 0.0005}
"""How often a new block is preceded by a fork's, by the number of blocks that are left."""
FUNDS = 1_000_000_000_000
_MOMENT = 0.001
"""Seconds by which a change comes before whoever sees it: in simulated time that takes none."""


class Payer:
    """A wallet that pays out of the change of its last payment."""

    def __init__(self, devnet: Devnet, name: str) -> None:
        self._devnet = devnet
        self.wallet = Wallet(name)
        self._ref = devnet.fund(self.wallet.address, FUNDS)
        self._output = Output(self.wallet.address, Value(FUNDS, {}), 0)

    def pay(self, to: bytes, amount: int, seconds: int) -> tuple[bytes, OutputRef]:
        """A signed payment, and the output that it spends."""
        spent = self._ref
        raw = pay(
            self.wallet,
            {spent: self._output},
            to,
            amount,
            parameters=PARAMETERS,
            ttl=self._devnet.now() + seconds,
        )
        transaction = decode_transaction(raw)
        self._ref, self._output = OutputRef(transaction.id, 1), transaction.body.outputs[1]
        return raw, spent


class Change(NamedTuple):
    """What happened to the chain."""

    depth: int
    """The number of blocks that were left for another fork's."""
    filled: int
    """Bytes of transactions in the newest block."""
    transactions: int
    """The number of them."""
    by_ogmios: int
    """Bytes of the block as Ogmios sends it."""


class Mainnet:
    """The chain, and what happened to it."""

    def __init__(self, devnet: Devnet, clock: VirtualTime, seed: int, others_part: float) -> None:
        """``others_part`` of each block are payments of others; with 0 there are none of them."""
        self.devnet = devnet
        self._clock = clock
        self._random = random.Random(seed)
        self._others = [Payer(devnet, f"other {number}") for number in range(8)]
        self._others_bytes = others_part * MAX_BLOCK_BODY_SIZE
        self._merchant = Wallet("somebody's shop").address
        self.events: list[Block | RolledBack] = []
        self._record()
        self.forks: Counter[int] = Counter()

    def until_next(self) -> int:
        """Seconds until the next block."""
        slots = 1
        while self._random.random() > ACTIVE_SLOTS:
            slots += 1
        return slots

    def advance(self, depth: int | None = None) -> Change:
        """Make a block, after a change to another fork where one was drawn, or is asked for."""
        depth = self._draw_fork() if depth is None else depth
        self._fill()
        if depth:
            self._leave(depth)
            self.forks[depth] += 1
        self.devnet.produce_block()
        self._record()
        with self.devnet.chain() as chain:
            made = chain.blocks[-1]
            shown = orjson.dumps(show_block(made, chain.schedule.at(made.block.point.slot)))
        sizes = [each.size for each in made.transactions]
        return Change(depth, sum(sizes), len(sizes), len(shown))

    def _draw_fork(self) -> int:
        drawn = self._random.random()
        for depth, chance in FORKS.items():
            if drawn < chance and depth < self.devnet.tip().height:
                return depth
            drawn -= chance
        return 0

    def _fill(self) -> None:
        """Have others pay as much as a block is to hold of them, and more if there is room."""
        filled = 0.0
        while filled < self._others_bytes or (self._others_bytes and not self._is_full()):
            payer = self._random.choice(self._others)
            raw, _ = payer.pay(self._merchant, 2_000_000, seconds=7200)
            self.devnet.submit(raw)
            filled += len(raw)

    def _is_full(self) -> bool:
        with self.devnet.chain() as chain:
            return bool(split(list(chain.waiting.values()))[1])

    def _leave(self, depth: int) -> None:
        """Replace the newest blocks by as many of another fork."""
        with self.devnet.chain() as chain:
            slots: Sequence[int] = [made.block.point.slot for made in chain.blocks[-depth:]]
            chain.roll_back(depth, self.devnet.now(), drop=False)
            self.events.append(RolledBack(self._clock.now - _MOMENT, chain.tip.height))
            for slot in slots:
                chain.produce(slot)
                self._record()

    def _record(self) -> None:
        with self.devnet.chain() as chain:
            tip = chain.tip
        self.events.append(Block(self._clock.now - _MOMENT, tip.height, tip.transactions))
