"""The chain as of one of its blocks, possibly not the newest."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facilitator.cardano.transaction import Output, OutputRef
from facilitator_devnet.blockfrost.errors import not_found
from facilitator_devnet.blocks import Made
from facilitator_devnet.chain import Chain
from facilitator_devnet.envelopes import in_block
from facilitator_devnet.genesis import eras_of
from facilitator_devnet.index import Entry, Key, Place, keys


@dataclass(frozen=True, slots=True)
class View:
    """The chain for a backend that has followed it up to :attr:`height`."""

    chain: Chain
    height: int

    @property
    def tip(self) -> Made:
        """The newest known block."""
        return self.chain.blocks[self.height]

    @property
    def blocks(self) -> Sequence[Made]:
        """The known blocks by height."""
        blocks = self.chain.blocks
        return blocks if self.height == len(blocks) - 1 else blocks[: self.height + 1]

    def time(self, slot: int) -> int:
        """Return the Unix time in seconds at which the slot begins."""
        return eras_of(self.chain.network).start_ms(slot) // 1000

    def entry(self, transaction_id: str) -> Entry:
        """Return the transaction. Raises :class:`ApiError` (404)."""
        entry = self.chain.index.entries.get(transaction_id)
        if entry is None or entry.place.height > self.height:
            raise not_found()
        return entry

    def cbor(self, entry: Entry) -> bytes:
        """Return the transaction as its block has it."""
        slot = self.chain.blocks[entry.place.height].block.point.slot
        return in_block(entry.transaction.raw, self.chain.schedule.at(slot))

    def output(self, ref: OutputRef) -> Output:
        """Return an output that a block or the mempool made, spent or not."""
        return self.chain.output(ref)

    def consumer(self, ref: OutputRef) -> str | None:
        """Return the transaction that spent the output, or ``None``."""
        by = self.chain.index.consumers.get(ref)
        return by if by and self._knows(self.chain.index.entries[by].place) else None

    def history(self, key: Key) -> Sequence[tuple[Place, str]]:
        """Return the transactions that made or spent outputs under the key, oldest first."""
        items = self.chain.index.history(key)
        return items[: bisect_right(items, self.height, key=lambda item: item[0].height)]

    def unspent(self, key: Key) -> Sequence[tuple[Place, OutputRef]]:
        """Return the unspent outputs under the key, oldest first."""
        items = self.chain.index.unspent(key)
        if self.height == len(self.chain.blocks) - 1:
            return items
        known = items[: bisect_right(items, self.height, key=lambda item: item[0].height)]
        return sorted([*known, *self._spent_later(key)])

    def _spent_later(self, key: Key) -> Iterator[tuple[Place, OutputRef]]:
        for made in self.chain.blocks[self.height + 1 :]:
            for ref in made.block.spent:
                place = self.chain.index.entries[ref.transaction_id.hex()].place
                if self._knows(place) and key in keys(self.output(ref)):
                    yield place, ref

    def _knows(self, place: Place) -> bool:
        return place.height <= self.height
