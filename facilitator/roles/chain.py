"""The chain provider: what the facilitator asks of a Cardano network.

A provider answers for one network. Its methods are called from many threads at once, do I/O and
may block up to the provider's own time-out; they raise :class:`ChainUnavailable` when they cannot
tell, never a guess. A plugin returns one from the hook ``chain_provider``.

Optional capabilities are separate protocols that a provider may implement as well:
:class:`AwaitsBlocks`, :class:`ReadsLedgerState`, :class:`EvaluatesScripts`, :class:`ListsOutputs`,
:class:`HasPlan`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef


class ChainUnavailable(Exception):
    """The provider cannot answer now: down, out of quota, lagging. Its text is fit to be shown."""


class ProviderBehind(ChainUnavailable):
    """The provider answers, but its chain ends before what it was asked about: it lags."""


class SubmissionRejected(Exception):
    """The node took the transaction apart and refused it; the text is its reason."""

    def __init__(self, reason: str, *, inputs_missing: bool = False) -> None:
        """``inputs_missing``: the node says that inputs are spent, or never were.

        That may be the work of the very same transaction, submitted before.
        """
        super().__init__(reason)
        self.inputs_missing = inputs_missing


class SubmissionUnknown(ChainUnavailable):
    """The transaction was sent, but whether the node took it is not known."""


class PointNotFound(Exception):
    """The block asked about is not (or no longer) on the provider's chain."""


class Point(NamedTuple):
    """A place on the chain."""

    slot: int
    block: str
    """Block hash, lowercase hex."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block, as much of it as following the chain needs."""

    point: Point
    height: int
    parent: str
    """Hash of the block before, lowercase hex."""
    transactions: tuple[str, ...]
    """Ids of its transactions, lowercase hex."""
    spent: frozenset[OutputRef]
    """The outputs that its transactions consumed: their inputs, or their collateral inputs where
    their scripts failed."""


class Tip(NamedTuple):
    """The newest block of the provider's chain."""

    point: Point
    height: int


class Unspent(NamedTuple):
    """The output is in the UTxO set."""

    output: Output


class Spent(NamedTuple):
    """The output is not in the UTxO set: it was spent, or never created."""

    by: str | None = None
    """Id of the transaction that spent it, when the provider knows."""


class Unknown(NamedTuple):
    """The provider cannot tell, for instance because its index lags. Never a verdict."""

    why: str


OutputStatus: TypeAlias = Unspent | Spent | Unknown


class InBlock(NamedTuple):
    """The transaction is in a block of the provider's chain."""

    point: Point
    height: int


class InMempool(NamedTuple):
    """The transaction waits in a mempool the provider can see."""


class NotFound(NamedTuple):
    """The provider's chain does not hold it and no mempool it can see does."""


TransactionStatus: TypeAlias = InBlock | InMempool | NotFound


class ChainProvider(Protocol):
    """What a network's provider must be able to do."""

    @property
    def network(self) -> str:
        """Canonical id of the network it answers for, such as ``cardano:preprod``."""
        ...

    @property
    def is_devnet(self) -> bool:
        """Whether this is a test double of a network rather than the network itself."""
        ...

    @property
    def poll_seconds(self) -> float:
        """How long to wait, in seconds, before asking for new blocks again is worth a call."""
        ...

    def tip(self) -> Tip:
        """Return the newest block. Raises :class:`ChainUnavailable`."""
        ...

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """What is known of each output asked for, in as few upstream calls as can be.

        Every ref asked for is a key of the answer. Raises :class:`ChainUnavailable`.
        """
        ...

    def submit(self, transaction: bytes) -> str:
        """Hand the exact bytes to a node; return the transaction id (hex) that it reports.

        Submitting again what is already in the mempool or in a block is not an error of the
        caller: a provider may report the id or raise :class:`SubmissionRejected`.
        Raises :class:`SubmissionRejected` for a node's refusal, :class:`SubmissionUnknown` when
        the outcome is not known, and a plain :class:`ChainUnavailable` when nothing was sent.
        """
        ...

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Where the transaction (lowercase hex id) is. Raises :class:`ChainUnavailable`."""
        ...

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Some or all blocks that follow, oldest first; empty when ``point`` is the tip.

        Raises :class:`PointNotFound` when the point was rolled back, :class:`ChainUnavailable`.
        """
        ...

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force. Raises :class:`ChainUnavailable`.

        Asked for each payment, so a provider keeps them for the epoch.
        """
        ...

    def eras(self) -> EraSummary:
        """How slots and time relate; kept by the provider. Raises :class:`ChainUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of connections and threads. Called once, at shutdown."""
        ...


@runtime_checkable
class AwaitsBlocks(Protocol):
    """A provider that is told of new blocks, so that nobody need poll."""

    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until the tip is not ``after``; whether it is not."""
        ...


@runtime_checkable
class ReadsLedgerState(Protocol):
    """A provider that can tell the ledger state that certificates and withdrawals touch."""

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the facts asked for, as of the tip. Raises :class:`ChainUnavailable`."""
        ...


@runtime_checkable
class EvaluatesScripts(Protocol):
    """A provider that can have a node run a transaction's Plutus scripts."""

    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail; empty when every script succeeds within its budget.

        ``utxo`` has every output that the transaction refers to. Raises :class:`ChainUnavailable`
        when it cannot tell.
        """
        ...


@runtime_checkable
class ListsOutputs(Protocol):
    """A provider that can tell what an address holds: for who pays, not for verdicts."""

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Unspent outputs at the address, the newest ones if there are many.

        Raises :class:`ChainUnavailable`.
        """
        ...


@runtime_checkable
class HasPlan(Protocol):
    """A provider that may be asked only so often, by a plan."""

    @property
    def plan(self) -> str | None:
        """The limits that it keeps, such as ``free, 50,000 requests a day``; ``None`` for none."""
        ...
