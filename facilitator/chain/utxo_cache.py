"""Outputs that were looked up before: good as long as the chain is followed without a gap.

An output never changes, so what must be known anew is only whether it is still unspent. The
followed blocks tell that, for all outputs at once and without a further question.
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Mapping

from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.encoding import decode_known, encode_output
from facilitator.chain.follower import WINDOW, Follower
from facilitator.observability.metrics import OUTPUT_LOOKUPS
from facilitator.roles.chain import AwaitsBlocks, ChainProvider, OutputStatus, Spent, Unspent
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.roles.sharing import SharedOutput, SharesOutputs
from facilitator.roles.storage import StorageUnavailable

MAX_OUTPUTS = 20_000
"""Outputs kept in this process; the oldest go first."""
SHARED_SECONDS = 900
"""How long an output stays in the cache that a fleet shares."""


class UtxoCache:
    """The outputs of one network: from memory, from the fleet's cache, else from the provider."""

    def __init__(
        self,
        chain: ChainProvider,
        follower: Follower,
        shared: SharesOutputs | None = None,
        meter: Meter = NO_METER,
    ) -> None:
        """Take part in what the follower sees from now on."""
        self._chain = chain
        self._follower = follower
        self._shared = shared
        self._meter = meter
        # A provider that is told of new blocks is close by: asking it is cheap, and the answer is
        # newer than what following it says.
        self._keeps = not isinstance(chain, AwaitsBlocks)
        self._lock = threading.Lock()
        self._generation: int | None = None
        self._unspent: dict[OutputRef, Unspent] = {}
        self._spent: set[OutputRef] = set()
        self._spent_in: deque[frozenset[OutputRef]] = deque()
        self._since = 0
        follower.subscribe(self._moved)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """What is known of each output. Raises :class:`ChainUnavailable`."""
        if not self._keeps:
            self._count("provider", len(refs))
            return self._chain.outputs(refs)
        self._follower.follow()
        generation = self._enter_generation()
        known: dict[OutputRef, OutputStatus] = {}
        if generation is not None:
            known.update(self._remembered(refs))
            self._count("memory", len(known))
            shared = self._shared_with_us(generation, refs, known)
            self._count("fleet", len(shared))
            known.update(shared)
        unknown = [ref for ref in refs if ref not in known]
        self._count("provider", len(unknown))
        if unknown:
            number = self._follower.number
            found = self._chain.outputs(unknown)
            known.update(self._learn(generation, found))
            if generation is not None and number is not None:
                self._share({ref: known[ref] for ref in unknown}, number)
        return known

    def _count(self, source: str, outputs: int) -> None:
        if outputs:
            network = self._chain.network
            self._meter.count(OUTPUT_LOOKUPS, outputs, network=network, source=source)

    def created(self, transaction: Transaction) -> None:
        """Take in the outputs of a transaction that is in a block which was just told of."""
        if not self._keeps:
            return
        found: dict[OutputRef, OutputStatus] = {
            OutputRef(transaction.id, index): Unspent(output)
            for index, output in enumerate(transaction.body.outputs)
        }
        kept = self._learn(self._enter_generation(), found)
        number = self._follower.number
        if number is not None:
            self._share(kept, number)

    def forget(self, refs: Collection[OutputRef]) -> None:
        """Drop what is known of these outputs, for instance since a node knew better."""
        with self._lock:
            for ref in refs:
                self._unspent.pop(ref, None)

    def _enter_generation(self) -> int | None:
        """The follower's generation; what was known of an earlier one went as that one ended."""
        generation = self._follower.generation
        with self._lock:
            if generation is not None and generation != self._generation:
                self._generation = generation
                self._since = self._follower.number or 0
        return generation

    def _clear(self) -> None:
        self._generation = None
        self._unspent.clear()
        self._spent.clear()
        self._spent_in.clear()

    def _remembered(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, Unspent]:
        with self._lock:
            return {ref: self._unspent[ref] for ref in refs if ref in self._unspent}

    def _learn(
        self, generation: int | None, found: Mapping[OutputRef, OutputStatus]
    ) -> Mapping[OutputRef, OutputStatus]:
        """Keep what is unspent, and correct an answer from before a block that spent it."""
        learnt = dict(found)
        with self._lock:
            for ref, status in found.items():
                if not isinstance(status, Unspent):
                    continue
                if ref in self._spent:
                    learnt[ref] = Spent()
                elif generation is not None and generation == self._generation:
                    self._unspent[ref] = status
            while len(self._unspent) > MAX_OUTPUTS:
                del self._unspent[next(iter(self._unspent))]
        return learnt

    def _moved(self, move: ChainUpdate) -> None:
        with self._lock:
            if not move.only_extends:
                self._clear()
            for block in move.blocks:
                self._spent |= block.spent
                self._spent_in.append(block.spent)
                for ref in block.spent:
                    self._unspent.pop(ref, None)
            while len(self._spent_in) > WINDOW:
                self._spent -= self._spent_in.popleft()

    # --- What a fleet shares ----------------------------------------------------------------

    def _shared_with_us(
        self, generation: int, refs: Collection[OutputRef], known: Collection[OutputRef]
    ) -> Mapping[OutputRef, OutputStatus]:
        """What other processes looked up while this one has followed as well."""
        if self._shared is None or self._follower.number is None:
            return {}
        names = {str(ref): ref for ref in refs if ref not in known}
        if not names:
            return {}
        try:
            shared = self._shared.shared_outputs(self._chain.network, names)
        except StorageUnavailable:
            return {}
        found: dict[OutputRef, OutputStatus] = {
            names[name]: Unspent(decode_known(each.content))
            for name, each in shared.items()
            if each.seen_at >= self._since
        }
        return self._learn(generation, found)

    def _share(self, found: Mapping[OutputRef, OutputStatus], number: int) -> None:
        if self._shared is None:
            return
        shared = {
            str(ref): SharedOutput(number, encode_output(status.output))
            for ref, status in found.items()
            if isinstance(status, Unspent)
        }
        if not shared:
            return
        try:
            self._shared.share_outputs(self._chain.network, shared, time.time() + SHARED_SECONDS)
        except StorageUnavailable:
            return  # the others look it up themselves
