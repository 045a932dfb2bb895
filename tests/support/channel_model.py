"""A plain model of channels on a chain: what every transaction took and made, and nothing else."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import Era, EraSummary
from facilitator.cardano.transaction import Output, OutputRef, Value
from facilitator.roles.chain import (
    InBlock,
    NotFound,
    OutputStatus,
    Point,
    Spent,
    Tip,
    TransactionStatus,
    Unknown,
    Unspent,
)
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.chain_spenders import Spender, SpentBy
from facilitator_channels.channel import Validator
from facilitator_channels.datum import SUBBIT, Closed, Constants, Datum, Opened, Settled, Stage
from facilitator_devnet.genesis import PARAMETERS

SCRIPT = bytes.fromhex("62ce4309e37e09e5c633c96c6ae68061c434f122d32626d6912d7c2a")
VALIDATOR = Validator(SCRIPT, SUBBIT)
ADDRESS = b"\x70" + SCRIPT
WALLET = b"\x60" + bytes(28)
PROVIDER = b"\x05" * 28
PERIOD_MS = 900_000
RECORDS_MS = 1_800_000_000_000
"""Unix ms when the channels of records were last seen."""
NEXT_STAGES: tuple[Stage, ...] = (Opened(0), Opened(7), Closed(7, 2_000_000), Settled())
"""Stages of a channel after a step."""


def constants(number: int) -> Constants:
    """The constants of a channel."""
    return Constants(bytes([number]) * 32, None, b"\x02" * 32, b"\x03" * 28, PROVIDER, PERIOD_MS)


def channel_output(
    number: int,
    stage: Stage = NEXT_STAGES[0],
    lovelace: int = 10_000_000,
    address: bytes = ADDRESS,
) -> Output:
    """An output of a channel."""
    datum = SUBBIT.encode(Datum(SCRIPT, constants(number), stage))
    return Output(address, Value(lovelace, {}), 0, None, datum)


NOISE = Output(WALLET, Value(5_000_000, {}), 0)


@dataclass(frozen=True)
class Made:
    """A transaction in a block of its own."""

    id: bytes
    inputs: tuple[OutputRef, ...]
    outputs: tuple[Output, ...]

    def ref(self, index: int) -> OutputRef:
        return OutputRef(self.id, index)


@dataclass
class ModelChain:
    """A chain of transactions, of which a server may have seen only the first.

    It is a provider that lists outputs and finds spenders.
    """

    transactions: list[Made] = field(default_factory=list)
    lag: int = 0
    """Transactions that the server has not seen yet."""
    newest: int = 1_000
    """Outputs that a listing has at most."""
    is_down: bool = False
    calls: list[str] = field(default_factory=list)
    _ids: "count[int]" = field(default_factory=count)

    @property
    def seen(self) -> Sequence[Made]:
        return self.transactions[: max(0, len(self.transactions) - self.lag)]

    def make(self, inputs: Sequence[OutputRef], outputs: Sequence[Output]) -> Made:
        name = blake2b(str(next(self._ids)).encode(), digest_size=32).digest()
        made = Made(name, tuple(inputs), tuple(outputs))
        self.transactions.append(made)
        return made

    def roll_back(self, blocks: int) -> None:
        del self.transactions[len(self.transactions) - min(blocks, len(self.transactions)) :]

    def output(self, ref: OutputRef) -> Output | None:
        for made in self.seen:
            if made.id == ref.transaction_id and ref.index < len(made.outputs):
                return made.outputs[ref.index]
        return None

    def taker(self, ref: OutputRef) -> Made | None:
        return next((made for made in self.seen if ref in made.inputs), None)

    # --- As a provider ----------------------------------------------------------------------------

    network = "cardano:preprod"

    def tip(self) -> Tip:
        self._ask("tip")
        height = len(self.seen)
        return Tip(Point(height, f"{height:064x}"), height)

    is_devnet = False
    tip_ms = 2 * RECORDS_MS
    """Unix ms of the newest block: never an old one, unless a test says so."""

    def eras(self) -> EraSummary:
        return EraSummary((Era(0, self.tip_ms - len(self.seen), 1),))

    def parameters(self) -> ProtocolParameters:
        return PARAMETERS

    def transaction(self, transaction_id: str) -> TransactionStatus:
        self._ask("transaction")
        for height, made in enumerate(self.seen, start=1):
            if made.id.hex() == transaction_id:
                return InBlock(Point(height, transaction_id), height)
        return NotFound()

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self._ask("outputs")
        return {ref: self._status(ref) for ref in refs}

    def _status(self, ref: OutputRef) -> OutputStatus:
        output = self.output(ref)
        if output is None:
            return Unknown("not there")
        return Unspent(output) if self.taker(ref) is None else Spent()

    def spender(self, ref: OutputRef) -> Spender:
        self._ask("spender")
        output, taker = self.output(ref), self.taker(ref)
        if output is None:
            return Unknown("not there")
        if taker is None:
            return Unspent(output)
        height = self.transactions.index(taker) + 1
        made = tuple((taker.ref(index), each) for index, each in enumerate(taker.outputs))
        return SpentBy(
            taker.id.hex(), InBlock(Point(height, taker.id.hex()), height), taker.inputs, made
        )

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        self._ask("outputs_at")
        found = [
            (made.ref(index), output)
            for made in reversed(self.seen)
            for index, output in enumerate(made.outputs)
            if output.address == address and self.taker(made.ref(index)) is None
        ]
        return dict(found[: self.newest])

    def _ask(self, what: str) -> None:
        self.calls.append(what)
        if self.is_down:
            raise ChainUnavailable("the model is down")
