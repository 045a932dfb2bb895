"""The devnet's chain: blocks over a ledger, a mempool, and rollbacks.

Not for use by several threads at once: the provider holds the lock.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era, decode_by_version
from facilitator.cardano.codec.transaction_decoder import decode_output
from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules import Environment, Failure
from facilitator.cardano.transaction import AssetId, Output, OutputRef, Transaction
from facilitator.plugin import (
    Block,
    InBlock,
    InMempool,
    NotFound,
    Point,
    PointNotFound,
    TransactionStatus,
    Unspent,
)
from facilitator.x402.networks import cardano_network
from facilitator_devnet.blocks import Made, Totals, add_up, split
from facilitator_devnet.effects import made_by, spent_by
from facilitator_devnet.genesis import (
    PARAMETERS,
    digest,
    epochs_of,
    eras_of,
    genesis_transactions,
    gift,
)
from facilitator_devnet.index import Index, Place
from facilitator_devnet.ledger import Draft, Ledger
from facilitator_devnet.protocol import ProtocolSchedule
from facilitator_devnet.scripts import ScriptJudge
from facilitator_devnet.store import SavedBlock, Store

log = logging.getLogger(__name__)

NO_PARENT = "00" * 32


class Chain:
    """The blocks from genesis on. The store keeps each change before it becomes visible."""

    def __init__(
        self,
        network: str,
        store: Store,
        now: int,
        schedule: ProtocolSchedule = ProtocolSchedule(),  # noqa: B008 -- frozen
    ) -> None:
        """Continue the store's chain, or begin a new one just before the slot ``now``."""
        self.network = network
        self.schedule = schedule
        """The protocol versions by slot."""
        self._store = store
        self._judge = ScriptJudge(eras_of(network))
        self._restore(now)

    def _restore(self, now: int) -> None:
        saved = self._store.begin(self.network, max(0, now - 1))
        self._rollbacks = saved.rollbacks
        self._grants = 0
        self.blocks: list[Made] = []
        """The blocks by height."""
        self.heights: dict[str, int] = {}
        """The heights of the blocks by hash."""
        self.index = Index()
        self.descriptions: dict[AssetId, object] = {}
        """The metadata (CIP-25) of assets that no transaction gave it."""
        self.ledger = Ledger({}, {})
        self._begin_at(saved.genesis_slot)
        for output in saved.grants:
            self._add_grant(output)
        for block in saved.blocks:
            self._append(block, [decode_any_era(raw) for raw in block.transactions])
        self._queue([decode_any_era(raw) for raw in saved.mempool])

    def _begin_at(self, slot: int) -> None:
        given = genesis_transactions(self.network)
        for transaction in given:
            self._give(transaction)
        block_hash = digest(f"devnet genesis of {self.network} at {slot}".encode()).hex()
        ids = tuple(transaction.id.hex() for transaction in given)
        block = Block(Point(slot, block_hash), 0, NO_PARENT, ids, frozenset())
        totals = add_up(Totals(), given, self.output)
        self.blocks.append(Made(block, given, totals, Ledger({}, {})))
        self.heights[block_hash] = 0

    @property
    def tip(self) -> Block:
        """The newest block."""
        return self.blocks[-1].block

    @property
    def parameters(self) -> ProtocolParameters:
        """The parameters in force at the tip."""
        return self.parameters_at(self.tip.point.slot)

    def parameters_at(self, slot: int) -> ProtocolParameters:
        """Return the parameters in force at the slot."""
        epoch, version = epochs_of(self.network).at(slot), self.schedule.at(slot)
        return replace(PARAMETERS, epoch=epoch, protocol_major=version)

    def decode(self, raw: bytes, now: int) -> Transaction:
        """Return a transaction that is handed in, by the decoder in force for the next block.

        Raises :class:`~facilitator.cardano.cbor.DecodeError`.
        """
        return decode_by_version(raw, self.schedule.at(max(now, self.tip.point.slot + 1)))

    def status(self, transaction_id: str) -> TransactionStatus:
        """Return the transaction's status."""
        if transaction_id in self._waiting:
            return InMempool()
        entry = self.index.entries.get(transaction_id)
        if entry is None:
            return NotFound()
        height = entry.place.height
        return InBlock(self.blocks[height].block.point, height)

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return all blocks that follow, oldest first. Raises :class:`PointNotFound`."""
        height = self.heights.get(point.block)
        if height is None or self.blocks[height].block.point != point:
            raise PointNotFound(f"block {point.block} at slot {point.slot} is not on this chain")
        return [made.block for made in self.blocks[height + 1 :]]

    def output(self, ref: OutputRef) -> Output:
        """Return an output that a block or the mempool made, spent or not."""
        output = self.index.output(ref)
        if output is None:
            output = made_by(self._waiting[ref.transaction_id.hex()])[ref.index]
        return output

    def unspent(self, address: bytes) -> dict[OutputRef, Output]:
        """Return the outputs at the address in blocks that the mempool does not spend."""
        return {
            ref: found.output
            for _, ref in self.index.unspent(("address", address))
            if isinstance(found := self._pending.outputs.get(ref), Unspent)
        }

    @property
    def waiting(self) -> Mapping[str, Transaction]:
        """The mempool in the order of arrival, by id."""
        return self._waiting

    def take(self, transaction: Transaction, now: int) -> list[Failure]:
        """Put it in the mempool; return the ledger's failures over the mempool, none if valid."""
        slot = max(now, self.tip.point.slot + 1)
        failures = self._pending.failures(transaction, self.environment(slot), self._judge)
        if not failures:
            self._store.add_transaction(transaction.id, transaction.raw)
            self._enqueue(transaction)
        return failures

    def missing(self, transaction: Transaction) -> list[OutputRef]:
        """Return its inputs that are not unspent after the mempool."""
        outputs = self._pending.outputs
        return [ref for ref in transaction.body.inputs if not isinstance(outputs.get(ref), Unspent)]

    def produce(self, now: int) -> Block:
        """Make a block at the slot ``now`` or the next free one, of transactions valid there.

        Transactions beyond the size of one block wait for the next.
        """
        parent = self.tip
        slot = max(now, parent.point.slot + 1)
        due, rest = split(list(self._waiting.values()))
        kept, dropped = self._sift(due, self.ledger, slot)
        ids = "".join(transaction.id.hex() for transaction in kept)
        # Without the count, blocks remade after a rollback could have the hashes of the old ones.
        content = f"{parent.point.block} {slot} {self._rollbacks} {ids}"
        block = SavedBlock(slot, digest(content.encode()).hex(), ())
        self._store.add_block(
            parent.height + 1, block, [each.id for each in kept], [each.id for each in dropped]
        )
        self._append(block, kept)
        self._queue(rest)
        return self.tip

    def roll_back(self, blocks: int, now: int, *, drop: bool) -> None:
        """Undo the newest blocks; return their transactions to the mempool, or ``drop`` them.

        Transactions that are then invalid are dropped as well. Raises :class:`ValueError` unless
        there are that many blocks above genesis.
        """
        if not 0 < blocks <= self.tip.height:
            raise ValueError(f"can undo 1 to {self.tip.height} blocks, not {blocks}")
        height = self.tip.height - blocks
        undone = self.blocks[height + 1 :]
        draft = Draft(self.ledger)
        for made in reversed(undone):
            draft.write(made.undo)
        freed = [transaction for made in undone for transaction in made.transactions]
        candidates = [*([] if drop else freed), *self._waiting.values()]
        slot = max(now, self.blocks[height].block.point.slot + 1)
        kept, dropped = self._sift(candidates, draft, slot)
        if drop:
            dropped += freed
        self._store.roll_back(height, [transaction.id for transaction in dropped])
        self.ledger.write(draft.changes)
        self._forget(undone)
        self._rollbacks += 1
        self._queue(kept)

    def grant(self, output: bytes) -> OutputRef:
        """Add the output (CBOR) as if at genesis, so that no rollback removes it."""
        decode_output(output)
        self._store.add_grant(output)
        return self._add_grant(output)

    def load(self, utxos: Mapping[OutputRef, Output]) -> None:
        """Put the outputs in the ledger; replace those under the same references."""
        self._judge.forget()
        for ref, output in utxos.items():
            self.index.put(ref, output)
            self.ledger.outputs[ref] = Unspent(output)

    def reset(self, now: int) -> None:
        """Start again from genesis."""
        self._store.clear()
        self._restore(now)

    def environment(self, slot: int) -> Environment:
        """Return what a transaction is compared with that is judged for the slot."""
        network_id = cardano_network(self.network).network_id
        return Environment(slot, network_id, self.parameters_at(slot))

    def _sift(
        self, transactions: Iterable[Transaction], ledger: Ledger, slot: int
    ) -> tuple[list[Transaction], list[Transaction]]:
        """Return the transactions that are valid in sequence on the ledger, and the others."""
        draft, environment = Draft(ledger), self.environment(slot)
        kept, dropped = [], []
        for transaction in transactions:
            failures = draft.failures(transaction, environment, self._judge)
            if failures:
                log.info("dropped %s: %s", transaction.id.hex(), failures[0].message)
                dropped.append(transaction)
            else:
                draft.apply(transaction, PARAMETERS.key_deposit)
                kept.append(transaction)
        return kept, dropped

    def _append(self, saved: SavedBlock, transactions: Sequence[Transaction]) -> None:
        draft = Draft(self.ledger)
        for transaction in transactions:
            draft.apply(transaction, PARAMETERS.key_deposit)
        parent, height = self.blocks[-1], len(self.blocks)
        for position, transaction in enumerate(transactions):
            self.index.add(transaction, Place(height, position))
        ids = tuple(transaction.id.hex() for transaction in transactions)
        spent = frozenset(ref for transaction in transactions for ref in spent_by(transaction))
        block = Block(Point(saved.slot, saved.hash), height, parent.block.point.block, ids, spent)
        totals = add_up(parent.totals, transactions, self.output)
        undo = self.ledger.write(draft.changes)
        self.blocks.append(Made(block, transactions, totals, undo))
        self.heights[saved.hash] = height

    def _forget(self, undone: Sequence[Made]) -> None:
        del self.blocks[-len(undone) :]
        for made in reversed(undone):
            del self.heights[made.block.point.block]
            for transaction in reversed(made.transactions):
                self.index.remove(transaction)

    def _queue(self, transactions: Sequence[Transaction]) -> None:
        self._waiting: dict[str, Transaction] = {}
        self._pending = Draft(self.ledger)
        for transaction in transactions:
            self._enqueue(transaction)

    def _enqueue(self, transaction: Transaction) -> None:
        self._pending.apply(transaction, PARAMETERS.key_deposit)
        self._waiting[transaction.id.hex()] = transaction

    def _add_grant(self, output: bytes) -> OutputRef:
        self._grants += 1
        decoded = decode_output(output)
        transaction = gift(f"devnet grant {self._grants}", [(decoded.address, decoded.value)])
        self._give(transaction)
        return OutputRef(transaction.id, 0)

    def _give(self, transaction: Transaction) -> None:
        self.index.add(transaction, Place(0, len(self.index.entries)))
        for number, output in enumerate(transaction.body.outputs):
            self.ledger.outputs[OutputRef(transaction.id, number)] = Unspent(output)
