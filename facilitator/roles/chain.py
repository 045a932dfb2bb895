"""The chain provider, by which the facilitator queries one Cardano network and submits to it.

Its methods are called from many threads at once, do I/O and may block up to the provider's own
time-out. A method that does not know the answer raises :class:`ChainUnavailable` and never guesses.
A plugin returns a provider from the hook ``chain_provider``.

Optional capabilities are separate protocols that a provider may implement too:
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
    """The provider cannot answer now: it is down, out of quota or behind.

    Its text may be shown to callers, so it holds no secrets.
    """


class ProviderBehind(ChainUnavailable):
    """The provider answers, but is behind: its chain ends before the point in question."""


class SubmissionRejected(Exception):
    """A node decoded the transaction and refused it. The text is the node's reason."""

    def __init__(self, reason: str, *, inputs_missing: bool = False) -> None:
        """Take the node's reason; ``inputs_missing`` is true if inputs are spent or never existed.

        The same transaction, submitted before, may have spent them.
        """
        super().__init__(reason)
        self.inputs_missing = inputs_missing


class SubmissionUnknown(ChainUnavailable):
    """The transaction was sent, but the outcome is unknown."""


class PointNotFound(Exception):
    """The block is not, or no longer, on the provider's chain."""


class Point(NamedTuple):
    """A point of the chain: a slot and the block in it."""

    slot: int
    block: str
    """Block hash, lowercase hex."""


@dataclass(frozen=True, slots=True)
class Block:
    """The parts of a block that following the chain needs."""

    point: Point
    height: int
    parent: str
    """Hash of the previous block, lowercase hex."""
    transactions: tuple[str, ...]
    """Ids of its transactions, lowercase hex."""
    spent: frozenset[OutputRef]
    """The outputs that its transactions consumed: their inputs, or their collateral inputs if
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
    """Id of the transaction that spent it, lowercase hex, if the provider knows it."""


class Unknown(NamedTuple):
    """The provider does not know, for instance because its index lags. Never a verdict."""

    why: str
    """The reason, a sentence that callers are shown."""


OutputStatus: TypeAlias = Unspent | Spent | Unknown


class InBlock(NamedTuple):
    """The transaction is in a block of the provider's chain."""

    point: Point
    height: int


class InMempool(NamedTuple):
    """The transaction waits in a mempool that the provider can see."""


class NotFound(NamedTuple):
    """The transaction is neither in the provider's chain nor in a mempool that it can see."""


TransactionStatus: TypeAlias = InBlock | InMempool | NotFound


class ChainProvider(Protocol):
    """A provider of one network. Safe to use from many threads."""

    @property
    def network(self) -> str:
        """The canonical id of its network, such as ``cardano:preprod``."""
        ...

    @property
    def is_devnet(self) -> bool:
        """True if this is a test double of a network rather than the network itself."""
        ...

    @property
    def poll_seconds(self) -> float:
        """The seconds to wait before a query for new blocks is worth another call."""
        ...

    def tip(self) -> Tip:
        """Return the newest block. Raises :class:`ChainUnavailable`."""
        ...

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output, with as few upstream calls as possible.

        Every reference in ``refs`` is a key of the answer. Raises :class:`ChainUnavailable`.
        """
        ...

    def submit(self, transaction: bytes) -> str:
        """Hand the exact bytes to a node; return the transaction id (hex) that it reports.

        A caller may submit a transaction again that is already in the mempool or in a block. Then
        a provider may return the id or raise :class:`SubmissionRejected`.
        Raises :class:`SubmissionRejected` for a node's refusal, :class:`SubmissionUnknown` if
        the outcome is unknown, and a plain :class:`ChainUnavailable` if nothing was sent.
        """
        ...

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Return the status of the transaction, by its lowercase hex id.

        Raises :class:`ChainUnavailable`.
        """
        ...

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return some or all blocks after ``point``, oldest first; none if it is the tip.

        Raises :class:`PointNotFound` if the point was rolled back, :class:`ChainUnavailable`.
        """
        ...

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force. Raises :class:`ChainUnavailable`.

        Called for each payment, so a provider caches them for the epoch.
        """
        ...

    def eras(self) -> EraSummary:
        """Return the eras, which relate slots to time. Raises :class:`ChainUnavailable`.

        Called for each payment, so a provider caches them.
        """
        ...

    def close(self) -> None:
        """Close connections and end threads. Called once, at shutdown."""
        ...


@runtime_checkable
class AwaitsBlocks(Protocol):
    """A provider that learns of new blocks by itself, so that the follower need not poll."""

    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait until the tip is not ``after``, at most ``timeout`` seconds; return True if so.

        Returns at once if the tip is another one already. Raises :class:`ChainUnavailable`.
        """
        ...


@runtime_checkable
class ReadsLedgerState(Protocol):
    """A provider that can read the ledger state on which certificates and withdrawals depend."""

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the queried facts, as of the tip. Raises :class:`ChainUnavailable`."""
        ...


@runtime_checkable
class EvaluatesScripts(Protocol):
    """A provider that can have a node run a transaction's Plutus scripts."""

    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail; empty when every script succeeds within its budget.

        ``utxo`` has every output that the transaction refers to. Raises :class:`ChainUnavailable`
        if the result is not known.
        """
        ...


@runtime_checkable
class ListsOutputs(Protocol):
    """A provider that can list the outputs of an address: for ``facilitator pay``, not verdicts."""

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return unspent outputs at the address (its bytes), the newest ones if there are many.

        Raises :class:`ChainUnavailable`.
        """
        ...


@runtime_checkable
class HasPlan(Protocol):
    """A provider whose number of requests is limited by a plan."""

    @property
    def plan(self) -> str | None:
        """The plan's limits, such as ``free, 50,000 requests a day``; ``None`` without limits."""
        ...
