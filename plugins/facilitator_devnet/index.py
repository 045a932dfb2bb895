"""The index of the chain: look-up by transaction, address, asset, script and datum.

Entries are in the order of the chain, so that the answer as of an older block is a prefix.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, TypeAlias, TypeVar

from facilitator.cardano.addresses.address import read_address
from facilitator.cardano.transaction import (
    AssetId,
    Body,
    Credential,
    Output,
    OutputRef,
    Script,
    Transaction,
    Witnesses,
)
from facilitator_devnet.effects import made_by, minted_by, spent_by

Key: TypeAlias = tuple[str, bytes | Credential]
"""``("address", bytes)``, ``("payment", key or script hash)``, ``("stake", credential)`` or
``("asset", id)``."""


T = TypeVar("T", tuple["Place", str], tuple["Place", OutputRef])


class Place(NamedTuple):
    """The place of a transaction: the height of its block and its position there."""

    height: int
    position: int


class Entry(NamedTuple):
    """A transaction on the chain."""

    place: Place
    outputs: Mapping[int, Output]
    """The outputs by index; with gaps if they were put there one by one, or scripts failed."""
    transaction: Transaction
    """The transaction; without bytes when only its outputs are known."""


class Index:
    """The outputs that the transactions of the chain made and spent."""

    def __init__(self) -> None:
        """Begin empty."""
        self.entries: dict[str, Entry] = {}
        """The transactions by id."""
        self.consumers: dict[OutputRef, str] = {}
        """The transaction that spent an output."""
        self.mints: defaultdict[AssetId, list[tuple[Place, str, int]]] = defaultdict(list)
        """The place, transaction and quantity of each mint of an asset; burns are negative."""
        self.scripts: dict[bytes, tuple[int, Script]] = {}
        """The scripts by hash, with the height at which each was first seen."""
        self.datums: dict[bytes, tuple[int, bytes]] = {}
        """The datums by hash, with the height at which each was first seen."""
        self._history: defaultdict[Key, list[tuple[Place, str]]] = defaultdict(list)
        self._unspent: defaultdict[Key, list[tuple[Place, OutputRef]]] = defaultdict(list)

    def output(self, ref: OutputRef) -> Output | None:
        """Return the output, spent or not."""
        entry = self.entries.get(ref.transaction_id.hex())
        return None if entry is None else entry.outputs.get(ref.index)

    def history(self, key: Key) -> Sequence[tuple[Place, str]]:
        """Return the transactions that made or spent outputs under the key."""
        return self._history.get(key, ())

    def unspent(self, key: Key) -> Sequence[tuple[Place, OutputRef]]:
        """Return the outputs under the key that no block spends."""
        return self._unspent.get(key, ())

    def put(self, ref: OutputRef, output: Output) -> None:
        """Add an output without its transaction; replace one under the same reference."""
        self._take_out(ref)
        name = ref.transaction_id.hex()
        entry = self.entries.get(name)
        if entry is None:
            nothing = Body(inputs=(), outputs=(), fee=0)
            unknown = Transaction(b"", ref.transaction_id, 0, nothing, Witnesses(), True, None)
            entry = Entry(Place(0, len(self.entries)), {}, unknown)
        self.entries[name] = entry._replace(outputs={**entry.outputs, ref.index: output})
        self.consumers.pop(ref, None)
        for key in keys(output):
            insort(self._unspent[key], (entry.place, ref))
            _insert_once(self._history[key], (entry.place, name))

    def _take_out(self, ref: OutputRef) -> None:
        output = self.output(ref)
        if output is not None and ref not in self.consumers:
            place = self.entries[ref.transaction_id.hex()].place
            for key in keys(output):
                _remove(self._unspent[key], (place, ref))

    def add(self, transaction: Transaction, place: Place) -> None:
        """Add a transaction; what it spends must be in the index and unspent."""
        name = transaction.id.hex()
        touched: set[Key] = set()
        for ref in spent_by(transaction):
            touched.update(self._spend(ref, name))
        outputs = made_by(transaction)
        self.entries[name] = Entry(place, outputs, transaction)
        for number, output in outputs.items():
            for key in keys(output):
                touched.add(key)
                insort(self._unspent[key], (place, OutputRef(transaction.id, number)))
        for key in touched:
            insort(self._history[key], (place, name))
        for asset, quantity in minted_by(transaction).items():
            self.mints[asset].append((place, name, quantity))
        for script in scripts_in(transaction):
            self.scripts.setdefault(script.hash, (place.height, script))
        for datum in datums_in(transaction):
            self.datums.setdefault(datum_hash(datum), (place.height, datum))

    def _spend(self, ref: OutputRef, by: str) -> Iterable[Key]:
        entry = self.entries[ref.transaction_id.hex()]
        self.consumers[ref] = by
        for key in (spent := tuple(keys(entry.outputs[ref.index]))):
            _remove(self._unspent[key], (entry.place, ref))
        return spent

    def remove(self, transaction: Transaction) -> None:
        """Undo the addition of the newest transaction."""
        name = transaction.id.hex()
        entry = self.entries.pop(name)
        touched: set[Key] = set()
        for number, output in entry.outputs.items():
            for key in keys(output):
                touched.add(key)
                _remove(self._unspent[key], (entry.place, OutputRef(transaction.id, number)))
        for ref in spent_by(transaction):
            touched.update(self._give_back(ref))
        for key in touched:
            _remove(self._history[key], (entry.place, name))
        for asset in minted_by(transaction):
            self.mints[asset].pop()
        height = entry.place.height
        for script in scripts_in(transaction):
            _forget(self.scripts, script.hash, height)
        for datum in datums_in(transaction):
            _forget(self.datums, datum_hash(datum), height)

    def _give_back(self, ref: OutputRef) -> Iterable[Key]:
        entry = self.entries[ref.transaction_id.hex()]
        del self.consumers[ref]
        for key in (freed := tuple(keys(entry.outputs[ref.index]))):
            insort(self._unspent[key], (entry.place, ref))
        return freed


def keys(output: Output) -> Iterator[Key]:
    """Yield the keys by which the output is found."""
    yield "address", output.address
    address = read_address(output.address)
    if address.payment is not None:
        yield "payment", address.payment.hash
    if address.stake is not None:
        yield "stake", address.stake
    for asset in output.value.assets:
        yield "asset", asset


def scripts_in(transaction: Transaction) -> Iterator[Script]:
    """Yield the scripts in its witnesses and its outputs."""
    yield from (transaction.witnesses.scripts or {}).values()
    for output in made_by(transaction).values():
        if output.script is not None:
            yield output.script


def datums_in(transaction: Transaction) -> Iterator[bytes]:
    """Yield the CBOR of the data in its witnesses and its outputs."""
    yield from transaction.witnesses.datums
    for output in made_by(transaction).values():
        if output.datum is not None:
            yield output.datum


def datum_hash(datum: bytes) -> bytes:
    """Return the Blake2b-256 by which outputs name data."""
    return blake2b(datum, digest_size=32).digest()


def _insert_once(items: list[tuple[Place, str]], item: tuple[Place, str]) -> None:
    if item not in items[bisect_left(items, item) :][:1]:
        insort(items, item)


def _remove(items: list[T], item: T) -> None:
    del items[bisect_left(items, item)]


def _forget(kept: dict[bytes, tuple[int, Any]], name: bytes, height: int) -> None:
    if name in kept and kept[name][0] == height:
        del kept[name]
