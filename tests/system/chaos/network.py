"""The devnet of a run: its blocks and rollbacks are recorded, its clock can leap."""

import itertools
import mmap
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from chaos.history import Block, RolledBack
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.roles.chain_errors import SubmissionRejected
from facilitator.testing.running import NETWORK
from facilitator_devnet.blockfrost.faults import Faults
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import Wallet
from support.drills import OUTPUTS, SUBMIT, Provider

BLOCK_SECONDS = 1.2
"""More than a slot: each block takes one, and the chain must not run ahead of the clock."""
FUNDS = 100_000_000


class MachineClock:
    """The clock of one machine of facilitators, which may be wrong. Its processes read the file."""

    def __init__(self, file: Path, ahead: float) -> None:
        file.write_bytes(struct.pack("d", ahead))
        with file.open("r+b") as opened:
            self._offset = mmap.mmap(opened.fileno(), 8)
        self._ahead = ahead
        self.file = file

    def show(self, seconds: float) -> None:
        """Be so much later than the real time, and as wrong as ever."""
        self._offset[:] = struct.pack("d", self._ahead + seconds)


class Clocks:
    """The network's time, and that of the facilitators' machines."""

    def __init__(self, folder: Path, apart: float) -> None:
        """The first machine is ``apart`` seconds ahead, the second one is right, and so on."""
        self._folder = folder
        self._aheads = itertools.cycle((apart, 0.0))
        self._machines: list[MachineClock] = []
        self._leapt = 0.0

    def time(self) -> float:
        """The network's time."""
        return time.time() + self._leapt

    def machine(self) -> Path:
        """The file of one more machine's clock."""
        file = self._folder / f"clock{len(self._machines)}"
        self._machines.append(MachineClock(file, next(self._aheads)))
        self._machines[-1].show(self._leapt)
        return file

    def leap(self, seconds: float) -> None:
        """Let time pass, everywhere."""
        self._leapt += seconds
        self.jump(0.0)

    def jump(self, seconds: float) -> None:
        """Make the machines' clocks wrong by so much more."""
        for each in list(self._machines):
            each.show(self._leapt + seconds)


class Funded(NamedTuple):
    """A wallet and what it can spend."""

    wallet: Wallet
    ref: OutputRef
    output: Output


class Network:
    """Makes blocks until it is closed."""

    def __init__(self, clocks: Clocks) -> None:
        self.devnet = Devnet(NETWORK, clocks)
        self.provider = Provider(self.devnet)
        self.events: list[Block | RolledBack] = []
        self.elsewhere: set[str] = set()
        """Ids of what was sent past the facilitator."""
        self._closing = threading.Event()
        self.produce()
        self._thread = threading.Thread(target=self._keep_producing, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self.provider.close()
        self.devnet.close()

    @property
    def slot(self) -> int:
        return self.devnet.now()

    def fund(self, name: str) -> Funded:
        return self._fund(Wallet(name))

    def fund_again(self, funded: Funded) -> Funded:
        """Another output of the same wallet."""
        return self._fund(funded.wallet)

    def _fund(self, wallet: Wallet) -> Funded:
        ref = self.devnet.fund(wallet.address, FUNDS)
        return Funded(wallet, ref, Output(wallet.address, Value(FUNDS, {}), 0))

    def submit(self, transaction: bytes) -> None:
        """Send it to a node, which may refuse it."""
        self.elsewhere.add(decode_transaction(transaction).id.hex())
        with suppress(SubmissionRejected):
            self.devnet.submit(transaction)

    def produce(self) -> None:
        with self.devnet.chain():  # the chain is not seen between these lines
            block = self.devnet.produce_block()
            self.events.append(Block(time.monotonic(), block.height, block.transactions))

    def roll_back(self, blocks: int, *, drop: bool) -> int:
        """Another branch, one block longer, takes the place of the newest blocks; how many."""
        with self.devnet.chain() as chain:
            blocks = min(blocks, chain.tip.height - 1)
            if blocks > 0:
                self.devnet.rollback(blocks, drop=drop)
                self.events.append(RolledBack(time.monotonic(), chain.tip.height))
                for _ in range(blocks + 1):
                    self.produce()
        return max(0, blocks)

    def _keep_producing(self) -> None:
        while not self._closing.wait(BLOCK_SECONDS):
            self.produce()


FAULTS: Sequence[Callable[[Faults], None]] = (
    lambda faults: faults.latency(1500, times=6),
    lambda faults: faults.answer(503),
    lambda faults: faults.answer(500, times=4),
    lambda faults: faults.answer(429, times=4, retry_after=1),
    lambda faults: faults.answer(425, SUBMIT, 2),
    lambda faults: faults.cut_before(SUBMIT, 3),
    lambda faults: faults.cut_after(SUBMIT, 3),
    lambda faults: faults.latency(2500, SUBMIT, 3),
    lambda faults: faults.truncate(times=3),
    lambda faults: faults.stale(2),
)
"""What a provider may do to its callers for a while."""
HARMLESS_FAULTS: Sequence[Callable[[Faults], None]] = (
    lambda faults: faults.answer(425, SUBMIT, 2),
    lambda faults: faults.answer(429, SUBMIT, 4),
    lambda faults: faults.latency(1500, OUTPUTS, 6),
)
"""Those after which a caller knows whether a node has got its submission, or had it before."""
