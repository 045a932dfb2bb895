"""The chain provider, by which the facilitator queries one Cardano network and submits to it.

Its methods are called from many threads at once, do I/O and may block up to the provider's own
time-out. A method that does not know the answer raises :class:`ChainUnavailable` and never guesses.
A plugin returns a provider from the hook ``chain_provider``.

Optional capabilities are separate protocols that a provider may implement too:
:class:`AwaitsBlocks`, :class:`ReadsLedgerState`, :class:`EvaluatesScripts`, :class:`ListsOutputs`,
:class:`FindsTransactions`, :class:`ReadsAssets`, :class:`HasPlan`, :class:`NamesNetwork`,
:class:`ExaminesServer`, :class:`ForeseesForks`, :class:`SignsExamples`, and
:class:`~facilitator.roles.chain_spenders.FindsSpenders`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import AssetId, Output, OutputRef


class Point(NamedTuple):
    """A point of the chain: a slot and the block in it."""

    slot: int
    """Slot of the block, an unsigned 64-bit number."""
    block: str
    """Block hash, lowercase hex."""


@dataclass(frozen=True, slots=True)
class Block:
    """The parts of a block that following the chain needs."""

    point: Point
    """Its slot and hash."""
    height: int
    """Block number: one more than that of the block before."""
    parent: str
    """Hash of the previous block, lowercase hex."""
    transactions: tuple[str, ...]
    """Ids of its transactions, lowercase hex."""
    spent: frozenset[OutputRef]
    """The outputs that its transactions consumed: their inputs and those of their
    sub-transactions, or their collateral inputs if their scripts failed."""


class Tip(NamedTuple):
    """The newest block of the provider's chain."""

    point: Point
    """Its slot and hash."""
    height: int
    """Block number: one more than that of the block before."""


class Unspent(NamedTuple):
    """The output is in the UTxO set."""

    output: Output
    """The output; its ``script_size`` decides the fee of payments that refer to it."""


class Spent(NamedTuple):
    """The output is not in the UTxO set: it was spent, or never created."""

    by: str | None = None
    """Id of the transaction that spent it, lowercase hex, if the provider knows it."""


class Unknown(NamedTuple):
    """The provider does not know, for instance because its index lags. Never a verdict."""

    why: str
    """The reason, a sentence that callers are shown."""


OutputStatus: TypeAlias = Unspent | Spent | Unknown


class AssetState(NamedTuple):
    """A native asset as of the tip."""

    holders: Mapping[bytes, int]
    """The units at each address (its bytes), of at most a hundred addresses.

    It is empty if none are left, or none were ever made.
    """
    metadata: Any
    """The metadata of its newest mint by CIP-25, as JSON; ``None`` if that says nothing of it."""


class InBlock(NamedTuple):
    """The transaction is in a block of the provider's chain."""

    point: Point
    """Slot and hash of the block."""
    height: int
    """Block number: one more than that of the block before."""


class InMempool(NamedTuple):
    """The transaction waits in a mempool that the provider can see."""


class NotFound(NamedTuple):
    """The transaction is neither in the provider's chain nor in a mempool that it can see."""


TransactionStatus: TypeAlias = InBlock | InMempool | NotFound


class ChainProvider(Protocol):
    """A provider of one network. Safe to use from many threads."""

    @property
    def network(self) -> str:
        """The canonical id of its network, such as ``cardano:preprod``. Read at start."""
        ...

    @property
    def is_devnet(self) -> bool:
        """True if this is a test double of a network, not the network itself. Read at start."""
        ...

    @property
    def poll_seconds(self) -> float:
        """The seconds to wait before a query for new blocks is worth another call.

        Read while a settlement is open.
        """
        ...

    def tip(self) -> Tip:
        """Return the newest block. Raises :class:`ChainUnavailable`.

        Called when following begins, by ``/status``, and by ``/health`` at most every 5 seconds.
        """
        ...

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output, with as few upstream calls as possible.

        Every reference in ``refs`` is a key of the answer. Raises :class:`ChainUnavailable`.
        Called once for each ``/verify``, and once for each settlement.
        """
        ...

    def submit(self, transaction: bytes) -> str:
        """Hand the exact bytes to a node; return the transaction id (hex) that it reports.

        Called once for each payment, and again while the outcome stays unknown. So a transaction
        may be submitted again that is already in the mempool or in a block. Then a provider
        may return the id, or raise an error that is not final.

        Raises :class:`SubmissionRejected` for a node's refusal, :class:`SubmissionUnknown` if
        the outcome is unknown, and a plain :class:`ChainUnavailable` if nothing was sent. An
        answer that the provider does not understand leaves the outcome unknown.
        """
        ...

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Return the status of the transaction, by its lowercase hex id.

        Called when the blocks do not show its outcome, and by ``/status``. Raises
        :class:`NotFoundSince` if blocks that it does not know may hold it, and
        :class:`ChainUnavailable`.
        """
        ...

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return some or all blocks after ``point``, oldest first; none if it is the tip.

        Called for each new block while a settlement is open. Raises :class:`PointNotFound` if the
        point was rolled back, and :class:`ChainUnavailable`.
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
class FindsTransactions(Protocol):
    """A provider that can look up many transactions at once: for ``facilitator payments``."""

    def transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionStatus]:
        """Return the status of each transaction, by its id, with as few upstream calls as possible.

        Every id in ``transaction_ids`` is a key of the answer. Raises :class:`ChainUnavailable`.
        """
        ...


@runtime_checkable
class ReadsAssets(Protocol):
    """A provider that can look up who holds a native asset: for transfer methods of plugins."""

    def asset(self, asset: AssetId) -> AssetState | Unknown:
        """Return the asset's state; ``Unknown`` if it may be that an index lags.

        Called for payments whose transfer method asks, each time. Raises :class:`ChainUnavailable`.
        """
        ...


@runtime_checkable
class HasPlan(Protocol):
    """A provider whose number of requests is limited by a plan."""

    @property
    def plan(self) -> str | None:
        """The plan's limits, such as ``free, 50,000 requests a day``; ``None`` without limits."""
        ...


@runtime_checkable
class NamesNetwork(Protocol):
    """A provider that can ask which network its chain is of. It serves no other than its own."""

    def network_magic(self) -> int | None:
        """Ask for the magic of the chain; return ``None`` if it cannot be known.

        Asked at start, and before each use after an outage. Never answered from memory.
        Raises :class:`ChainUnavailable`.
        """
        ...


@runtime_checkable
class ExaminesServer(Protocol):
    """A provider that finds out by trying what the server behind it can do."""

    def examine(self) -> str:
        """Try the server; return what it can do, in a line for the log and for the check.

        Called before the first use, until it has returned once. Raises :class:`ServerLacks` if
        verdicts cannot be given by such a server, and :class:`ChainUnavailable`.
        """
        ...


@runtime_checkable
class ForeseesForks(Protocol):
    """A provider that knows which protocol version comes next: for ``facilitator check``."""

    def next_protocol_version(self) -> int | None:
        """Return the major version of a ratified hard fork that is not in force yet.

        Returns ``None`` if none is ratified. Asked by ``facilitator check`` alone, so it may cost a
        call. Raises :class:`ChainUnavailable`.
        """
        ...


class ExamplePayment(NamedTuple):
    """A payment that is valid when it is shown in the API's description."""

    request: Mapping[str, Any]
    """The JSON body of ``/verify`` and ``/settle``, with terms ``exact``."""
    transaction_id: str
    """The id of its transaction, lowercase hex."""
    payer: str
    """The address that pays, in bech32."""


@runtime_checkable
class SignsExamples(Protocol):
    """A devnet that can pay by itself: for the examples of ``/openapi.json`` and ``/docs``."""

    def example_payment(self) -> ExamplePayment | None:
        """Return a payment that is valid now; ``None`` if nothing is left to pay it from.

        Asked at each call of ``/openapi.json``. Raises :class:`ChainUnavailable`.
        """
        ...
