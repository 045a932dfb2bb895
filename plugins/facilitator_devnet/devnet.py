"""The devnet as a chain provider: an embedded ledger that stands in for a network's node."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Condition, Event, Thread

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.parameters import DIJKSTRA, ProtocolParameters
from facilitator.cardano.refusals import Proof, prove_rule, weakest
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import Account, LedgerState, StateQuery
from facilitator.cardano.transaction import AssetId, Assets, Credential, Output, OutputRef, Value
from facilitator.plugin import (
    AssetState,
    Block,
    ChainUnavailable,
    Clock,
    ExamplePayment,
    OutputStatus,
    Point,
    Spender,
    Spent,
    SubmissionRejected,
    Tip,
    TransactionStatus,
    Unknown,
)
from facilitator.x402.networks import cardano_network
from facilitator_devnet.assets import asset_state
from facilitator_devnet.chain import Chain
from facilitator_devnet.encoding import encode_output
from facilitator_devnet.example import payer, sign_example
from facilitator_devnet.faults import Faults
from facilitator_devnet.genesis import eras_of
from facilitator_devnet.protocol import ProtocolSchedule
from facilitator_devnet.spenders import find_spender
from facilitator_devnet.store import MemoryStore, SqliteStore, Store

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0


class Devnet:
    """A test double of a Cardano network, in this process.

    It implements :class:`facilitator.roles.chain.ChainProvider`, ``AwaitsBlocks``,
    ``FindsSpenders``, ``FindsTransactions``, ``ForeseesForks``, ``ListsOutputs``, ``NamesNetwork``,
    ``ReadsAssets``, ``ReadsLedgerState`` and ``SignsExamples``. The facilitator's own rules judge
    transactions, with the extra ``plutus`` also those that run scripts; valid ones go into the next
    block. Slots follow from the clock and the network's era summary.
    """

    is_devnet = True

    def __init__(
        self,
        network: str,
        clock: Clock,
        *,
        block_seconds: float = 0,
        path: str | None = None,
        schedule: ProtocolSchedule = ProtocolSchedule(),  # noqa: B008 -- frozen
    ) -> None:
        """Begin at genesis or continue the SQLite file, and make a block each ``block_seconds``.

        With ``block_seconds`` 0, only :meth:`produce_block` makes blocks. ``schedule`` says which
        protocol version is in force when.
        Raises :class:`ChainUnavailable` when the file cannot be used.
        """
        self.network = network
        self.poll_seconds = block_seconds or POLL_SECONDS
        self.faults = Faults()
        self._clock = clock
        self._store: Store = MemoryStore() if path is None else SqliteStore(path)
        self._in_memory = path is None
        self._closing = Event()
        self._dependents: list[Callable[[], None]] = []
        self._changed = Condition()
        try:
            self._chain = Chain(network, self._store, self.now(), schedule)
        except BaseException:
            self._store.close()
            raise
        self._thread: Thread | None = None
        if block_seconds:
            self._thread = Thread(
                target=self._keep_producing, args=(block_seconds,), name="devnet", daemon=True
            )
            self._thread.start()
        log.warning("the devnet stands in for %s: a test double, nothing on it is real", network)

    def network_magic(self) -> int:
        """Return the magic of the network that it stands in for."""
        return cardano_network(self.network).magic

    def tip(self) -> Tip:
        """Return the newest block."""
        self._check("tip")
        with self._changed:
            block = self._chain.tip
        return Tip(block.point, block.height)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return each output's status at the tip, without the mempool."""
        self._check("outputs")
        if self.faults.take("lag"):
            return dict.fromkeys(refs, Unknown("the devnet was asked to lag"))
        with self._changed:
            outputs = self._chain.ledger.outputs
            return {ref: outputs.get(ref, Spent()) for ref in refs}

    def submit(self, transaction: bytes) -> str:
        """Put the transaction in the mempool for the next block; return its id.

        A transaction in the mempool is not judged again. Raises :class:`SubmissionRejected` with
        the ledger's predicate failures, one sentence for each.
        """
        self._check("submit")
        self.faults.check_lost("request lost")
        with self.chain() as chain:
            slot = self.now()
            try:
                decoded = chain.decode(transaction, slot)
            except DecodeError as error:
                raise SubmissionRejected(f"DecoderFailure: {error}", proves=Proof.BYTES) from error
            known = decoded.id.hex() in chain.waiting
            failures = [] if known else chain.take(decoded, slot)
        if failures:
            end = decoded.body.invalid_hereafter
            has_ended = end is not None and slot >= end
            raise SubmissionRejected(
                "; ".join(f"{rule}: {why}" for rule, why in failures),
                proves=weakest(
                    prove_rule(rule.partition(":")[0], decoded, has_ended=has_ended)
                    for rule, _ in failures
                ),
            )
        self.faults.check_lost("reply lost")
        return decoded.id.hex()

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Return the status of the transaction (lowercase hex id)."""
        self._check("transaction")
        with self._changed:
            return self._chain.status(transaction_id)

    def transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionStatus]:
        """Return the status of each transaction, all as of the same tip."""
        self._check("transactions")
        with self._changed:
            return {each: self._chain.status(each) for each in transaction_ids}

    def spender(self, ref: OutputRef) -> Spender:
        """Return the output, or the transaction in a block that spent it."""
        self._check("spender")
        if self.faults.take("lag"):
            return Unknown("the devnet was asked to lag")
        with self._changed:
            return find_spender(self._chain, ref)

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return all blocks that follow, oldest first. Raises :class:`PointNotFound`."""
        self._check("blocks_after")
        with self._changed:
            return self._chain.blocks_after(point)

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force."""
        self._check("parameters")
        with self._changed:
            return self._chain.parameters

    def next_protocol_version(self) -> int | None:
        """Return the version after the hard fork, before that."""
        with self._changed:
            return self._chain.schedule.next_after(self._chain.tip.point.slot)

    def eras(self) -> EraSummary:
        """Return the era summary of the network that the devnet stands in for."""
        self._check("eras")
        return eras_of(self.network)

    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for a tip other than ``after``; return True if it came."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing.is_set() or self._chain.tip.point != after, timeout
            )
            return self._chain.tip.point != after

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the facts asked for, as of the tip."""
        self._check("ledger_state")
        with self._changed:
            return self._chain.ledger.state(query)

    def also_close(self, close: Callable[[], None]) -> None:
        """Register a function that closes a dependent; :meth:`close` calls it first."""
        self._dependents.append(close)

    def close(self) -> None:
        """Stop making blocks, wake waiting threads, and close the file."""
        for close in self._dependents:
            close()
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        with self._changed:
            self._store.close()

    # A network has no such calls: they control the chain, for development and tests.

    def produce_block(self) -> Block:
        """Make a block now of the mempool's transactions that are still valid."""
        with self._changed:
            block = self._chain.produce(self.now())
            self._changed.notify_all()
        return block

    def rollback(self, blocks: int, *, drop: bool = False) -> None:
        """Undo the newest blocks; return their transactions to the mempool, or ``drop`` them.

        Later blocks have other hashes. Raises :class:`ValueError` unless there are that many blocks
        above genesis.
        """
        with self._changed:
            self._chain.roll_back(blocks, self.now(), drop=drop)
            self._changed.notify_all()

    def fund(self, address: bytes, lovelace: int, assets: Assets | None = None) -> OutputRef:
        """Give the address an output, which is there at once and which no rollback removes.

        Its id follows from its content and from the number of earlier ones. Raises
        :class:`ValueError` if it cannot be an output.
        """
        output = encode_output(address, Value(lovelace, assets or {}))
        with self._changed:
            return self._chain.grant(output)

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return the outputs at the address that no transaction in the mempool spends."""
        with self._changed:
            return self._chain.unspent(address)

    def example_payment(self) -> ExamplePayment | None:
        """Return a payment that is valid now, out of outputs that no transaction spends yet."""
        outputs = self.outputs_at(payer(self.network).address)
        return sign_example(self.network, outputs, self.parameters(), self.now())

    def asset(self, asset: AssetId) -> AssetState:
        """Return the asset's holders at the tip, and what its newest mint says of it."""
        self._check("asset")
        with self._changed:
            return asset_state(self._chain, asset)

    def describe(self, asset: AssetId, metadata: object) -> None:
        """Say of the asset what else its mint would, by CIP-25, as JSON; until the next reset."""
        with self._changed:
            self._chain.descriptions[asset] = metadata

    def load(
        self,
        utxos: Mapping[OutputRef, Output],
        accounts: Mapping[Credential, Account | None] | None = None,
    ) -> None:
        """Put the outputs and accounts in the ledger; replace those under the same keys.

        Raises :class:`ValueError` on a devnet with a file, which could not restore them later.
        """
        if not self._in_memory:
            raise ValueError("outputs can be loaded into a devnet in memory only")
        with self._changed:
            self._chain.load(utxos)
            self._chain.ledger.accounts.update(accounts or {})

    def fork(self, slot: int, version: int = DIJKSTRA) -> None:
        """Have the major protocol version be ``version`` from the slot on."""
        with self._changed:
            self._chain.schedule = replace(
                self._chain.schedule, fork_slot=slot, fork_version=version
            )

    def reset(self) -> None:
        """Start again from genesis."""
        with self._changed:
            self._chain.reset(self.now())
            self._changed.notify_all()

    @contextmanager
    def chain(self) -> Iterator[Chain]:
        """Yield the chain itself, locked against changes by other threads."""
        with self._changed:
            yield self._chain

    def now(self) -> int:
        """Return the slot that the clock is in."""
        return eras_of(self.network).slot_at(int(self._clock.time() * 1000))

    def _check(self, method: str) -> None:
        if self._closing.is_set():
            raise ChainUnavailable("the devnet is closed")
        self.faults.check(method)

    def _keep_producing(self, block_seconds: float) -> None:
        while not self._closing.wait(block_seconds):
            try:
                self.produce_block()
            except ChainUnavailable as error:
                log.error("no block: %s", error)
