"""Cached outputs, valid as long as the chain is followed without a gap.

An output never changes, except that it gets spent. The followed blocks show that, for all outputs
at once and without a further query.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.chain.absent_outputs import AbsentOutputs
from facilitator.chain.block_window import WINDOW
from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.claimed_outputs import made_outputs
from facilitator.chain.encoding import decode_output, encode_output
from facilitator.chain.follower import Follower
from facilitator.observability.metrics import OUTPUT_LOOKUPS
from facilitator.roles.allowance import NOT_ASKED, current_allowance
from facilitator.roles.chain import AwaitsBlocks, ChainProvider, OutputStatus, Spent, Unspent
from facilitator.roles.claim import Claim
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.roles.sharing import SharedOutput, SharesOutputs
from facilitator.roles.storage import StorageUnavailable

MAX_OUTPUTS = 20_000
"""Outputs cached in this process; the oldest go first."""
MAX_CLAIMS = 16
"""Claims read for the outputs of one payment; a payer decides how many it spends."""
SHARED_SECONDS = 900
"""Seconds for which an output stays in the cache that a fleet shares."""


class UtxoCache:
    """The outputs of one network: from memory, from the fleet's cache, else from the provider.

    Safe to use from many threads.
    """

    def __init__(
        self,
        chain: ChainProvider,
        follower: Follower,
        shared: SharesOutputs | None = None,
        meter: Meter = NO_METER,
        absent: AbsentOutputs | None = None,
        claim_of: Callable[[str], Claim | None] = lambda _: None,
    ) -> None:
        """Subscribe to the follower. Without ``shared`` only this process uses what it looks up.

        ``claim_of`` returns the claim of a transaction, whichever process of a fleet settles it. It
        may raise :class:`StorageUnavailable`.
        """
        self._absent = absent or AbsentOutputs()
        self._chain = chain
        self._network = chain.network
        self._follower = follower
        self._shared = shared
        self._claim_of = claim_of
        self._meter = meter
        # A provider that can await blocks is close by: asking it is cheap, and its answer is
        # newer than what the follower knows.
        self._caches = not isinstance(chain, AwaitsBlocks)
        self._lock = threading.Lock()
        self._epoch: int | None = None
        self._unspent: dict[OutputRef, Unspent] = {}
        self._spent: set[OutputRef] = set()
        self._spent_in: deque[frozenset[OutputRef]] = deque()
        self._heights = range(0)
        """The blocks since the last rollback or gap: all that they spent is remembered."""
        self._shared_epoch: int | None = None
        """The epoch in which the newest blocks were known last."""
        self._epoch_offset = 0
        """The feed's offset when that epoch was entered."""
        follower.subscribe(self._on_update)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output. Raises :class:`ChainUnavailable`.

        The provider is asked only for what is not known, and only if the current allowance's judge
        goes on after what is known.
        """
        if not self._caches:
            self._count("provider", len(refs))
            return self._chain.outputs(refs)
        known: dict[OutputRef, OutputStatus] = dict(self._absent.known(refs))
        self._count("memory", len(known))
        if known and not _goes_on(known):
            return _with_the_rest(known, refs)
        self._follower.follow()
        epoch, knows_blocks = self._enter_epoch()
        if epoch is not None:
            remembered = self._remembered(refs)
            self._count("memory", len(remembered))
            known.update(remembered)
        if epoch is not None and knows_blocks:
            shared = self._look_up_shared(epoch, refs, known)
            known.update(shared)
            settled = self._look_up_claims(epoch, refs, known)
            self._count("fleet", len(shared) + len(settled))
            known.update(settled)
        unknown = [ref for ref in refs if ref not in known]
        if unknown and (not known or _goes_on(known)):
            known.update(self._ask(epoch, unknown, knows_blocks=knows_blocks))
        return _with_the_rest(known, refs)

    def _ask(
        self, epoch: int | None, unknown: Collection[OutputRef], *, knows_blocks: bool
    ) -> Mapping[OutputRef, OutputStatus]:
        """Ask the provider, and keep what it answers."""
        offset = self._follower.feed_offset if knows_blocks else None
        found = self._learn(epoch, self._chain.outputs(unknown))
        self._count("provider", sum(status is not NOT_ASKED for status in found.values()))
        self._absent.keep(found)
        if epoch is not None and offset is not None:
            self._share(found, offset)
        return found

    def _count(self, source: str, outputs: int) -> None:
        if outputs:
            self._meter.count(OUTPUT_LOOKUPS, outputs, network=self._network, source=source)

    def add_created(self, transaction: Transaction) -> None:
        """Cache the outputs of a transaction in a block that the follower just reported."""
        if not self._caches:
            return
        found: dict[OutputRef, OutputStatus] = {
            OutputRef(transaction.id, index): Unspent(output)
            for index, output in enumerate(transaction.body.outputs)
        }
        epoch, knows_blocks = self._enter_epoch()
        kept = self._learn(epoch if knows_blocks else None, found)
        offset = self._follower.feed_offset
        if offset is not None:
            self._share(kept, offset)

    def forget(self, refs: Collection[OutputRef]) -> None:
        """Drop these outputs from the cache, for instance since a node contradicts it."""
        with self._lock:
            for ref in refs:
                self._unspent.pop(ref, None)

    def _enter_epoch(self) -> tuple[int | None, bool]:
        """Return the epoch of what the provider answers, and whether the newest blocks are known.

        The outputs of an earlier epoch went when that ended.
        """
        epoch = self._follower.epoch
        knows_blocks = epoch is not None
        if epoch is None:
            epoch = self._follower.epoch_of_answers
        with self._lock:
            if epoch is not None:
                self._epoch = epoch
            if knows_blocks and epoch != self._shared_epoch:
                self._shared_epoch = epoch
                self._epoch_offset = self._follower.feed_offset or 0
        return epoch, knows_blocks

    def _clear(self) -> None:
        self._epoch = self._shared_epoch = None
        self._unspent.clear()
        self._spent.clear()
        self._spent_in.clear()
        self._heights = range(0)

    def _remembered(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, Unspent]:
        with self._lock:
            return {ref: self._unspent[ref] for ref in refs if ref in self._unspent}

    def _learn(
        self, epoch: int | None, found: Mapping[OutputRef, OutputStatus]
    ) -> Mapping[OutputRef, OutputStatus]:
        """Cache the unspent outputs, and correct an answer older than a block that spent it."""
        learnt = dict(found)
        with self._lock:
            for ref, status in found.items():
                if not isinstance(status, Unspent):
                    continue
                if ref in self._spent:
                    learnt[ref] = Spent()
                elif epoch is not None and epoch == self._epoch:
                    self._unspent[ref] = status
            while len(self._unspent) > MAX_OUTPUTS:
                del self._unspent[next(iter(self._unspent))]
        return learnt

    def _on_update(self, update: ChainUpdate) -> None:
        if not update.only_extends:
            self._absent.clear()
        with self._lock:
            if not update.only_extends:
                self._clear()
            for block in update.blocks:
                self._spent |= block.spent
                self._spent_in.append(block.spent)
                first = self._heights.start if self._heights else block.height
                self._heights = range(first, block.height + 1)
                for ref in block.spent:
                    self._unspent.pop(ref, None)
            while len(self._spent_in) > WINDOW:
                self._spent -= self._spent_in.popleft()
        for block in update.blocks:
            self._absent.forget_made(block.transactions)

    # --- The cache that a fleet shares ------------------------------------------------------

    def _look_up_shared(
        self, epoch: int, refs: Collection[OutputRef], known: Collection[OutputRef]
    ) -> Mapping[OutputRef, OutputStatus]:
        """Return what other processes looked up since this one follows the chain."""
        if self._shared is None or self._follower.feed_offset is None:
            return {}
        names = {str(ref): ref for ref in refs if ref not in known}
        if not names:
            return {}
        try:
            shared = self._shared.shared_outputs(self._network, names)
        except StorageUnavailable:
            return {}
        found: dict[OutputRef, OutputStatus] = {
            names[name]: Unspent(output)
            for name, each in shared.items()
            if each.seen_at >= self._epoch_offset and (output := decode_output(each.content))
        }
        return self._learn(epoch, found)

    def _look_up_claims(
        self, epoch: int, refs: Collection[OutputRef], known: Collection[OutputRef]
    ) -> Mapping[OutputRef, OutputStatus]:
        """Return what payments made that other processes settle: their claims have the bytes."""
        if self._follower.feed_offset is None:
            return {}
        wanted = [ref for ref in refs if ref not in known]
        if not wanted:
            return {}
        transactions = self._in_recent_blocks(wanted)[:MAX_CLAIMS]
        if not transactions:
            return {}
        found: dict[OutputRef, OutputStatus] = {}
        for transaction_id in transactions:
            try:
                claim = self._claim_of(transaction_id.hex())
            except StorageUnavailable:
                break
            outputs = made_outputs(claim, transaction_id)
            for ref in wanted:
                if ref.transaction_id == transaction_id and ref.index < len(outputs):
                    found[ref] = Unspent(outputs[ref.index])
        learnt = self._learn(epoch, found)
        return {ref: status for ref, status in learnt.items() if isinstance(status, Unspent)}

    def _in_recent_blocks(self, refs: Collection[OutputRef]) -> Sequence[bytes]:
        """Return the transactions in blocks since which all that was spent is remembered."""
        names = dict.fromkeys(ref.transaction_id for ref in refs)
        places = {name: self._follower.find(name.hex()) for name in names}
        return [name for name, at in places.items() if at and at.height in self._heights]

    def _share(self, found: Mapping[OutputRef, OutputStatus], offset: int) -> None:
        if self._shared is None:
            return
        shared = {
            str(ref): SharedOutput(offset, encode_output(status.output))
            for ref, status in found.items()
            if isinstance(status, Unspent)
        }
        if not shared:
            return
        try:
            self._shared.share_outputs(self._network, shared, time.time() + SHARED_SECONDS)
        except StorageUnavailable:
            return  # the others ask the provider themselves


def _goes_on(known: Mapping[OutputRef, OutputStatus]) -> bool:
    """Return True if more must be known for the verdict that the calling thread works on."""
    allowance = current_allowance()
    return allowance is None or allowance.goes_on(known)


def _with_the_rest(
    known: Mapping[OutputRef, OutputStatus], refs: Collection[OutputRef]
) -> Mapping[OutputRef, OutputStatus]:
    return known if len(known) == len(refs) else {ref: known.get(ref, NOT_ASKED) for ref in refs}
