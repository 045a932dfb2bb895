"""The stores of a devnet's chain: none, or a SQLite file.

A store keeps the log from which the ledger state follows: faucet outputs, blocks, and transactions
in order of arrival. Transactions in the mempool have no block.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

from facilitator.plugin import ChainUnavailable

SCHEMA_VERSION = 2
SCHEMA = f"""
BEGIN;
CREATE TABLE devnet (
    network TEXT NOT NULL, genesis_slot INTEGER NOT NULL, rollbacks INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE grants (number INTEGER PRIMARY KEY, output BLOB NOT NULL) STRICT;
CREATE TABLE blocks (
    height INTEGER PRIMARY KEY, slot INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE TABLE transactions (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    height INTEGER
) STRICT;
CREATE INDEX transactions_by_height ON transactions (height);
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
LOCK_SECONDS = 1.0


class SavedBlock(NamedTuple):
    """A block of the log; its height follows from its place."""

    slot: int
    hash: str
    transactions: Sequence[bytes]


class Saved(NamedTuple):
    """The log of a chain."""

    genesis_slot: int
    rollbacks: int
    """The number of rollbacks, on which block hashes depend."""
    grants: Sequence[bytes]
    """The CBOR of each faucet output."""
    blocks: Sequence[SavedBlock]
    mempool: Sequence[bytes]


class Store(Protocol):
    """The keeper of the log. When a method returns, its change is kept as a whole or not at all.

    All methods raise :class:`ChainUnavailable` when the store fails.
    """

    def begin(self, network: str, genesis_slot: int) -> Saved:
        """Return the log of the network's chain; begin a new one at the slot if there is none."""
        ...

    def add_grant(self, output: bytes) -> None:
        """Keep a faucet output."""
        ...

    def add_transaction(self, transaction_id: bytes, raw: bytes) -> None:
        """Keep a transaction of the mempool."""
        ...

    def add_block(
        self, height: int, block: SavedBlock, taken: Collection[bytes], dropped: Collection[bytes]
    ) -> None:
        """Forget the dropped (ids) and put the taken ones (ids) of the mempool in the block."""
        ...

    def roll_back(self, height: int, dropped: Collection[bytes]) -> None:
        """Forget the blocks above; put their transactions, except ``dropped``, in the mempool."""
        ...

    def clear(self) -> None:
        """Forget everything, so that another ``begin`` finds nothing."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class MemoryStore:
    """A store that keeps nothing: the chain ends with the process."""

    def begin(self, network: str, genesis_slot: int) -> Saved:  # noqa: ARG002
        """Return a new chain."""
        return Saved(genesis_slot, 0, (), (), ())

    def add_grant(self, output: bytes) -> None:
        """Do nothing."""

    def add_transaction(self, transaction_id: bytes, raw: bytes) -> None:
        """Do nothing."""

    def add_block(
        self, height: int, block: SavedBlock, taken: Collection[bytes], dropped: Collection[bytes]
    ) -> None:
        """Do nothing."""

    def roll_back(self, height: int, dropped: Collection[bytes]) -> None:
        """Do nothing."""

    def clear(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class SqliteStore:
    """A store in a SQLite file that one process at a time may use.

    Acknowledged changes survive any end of the process.
    """

    def __init__(self, path: str | Path) -> None:
        """Open or create the file. Raises :class:`ChainUnavailable`."""
        self._path = path
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        sql = self._connection.execute
        # The ledger state lives in this process, so a second one on the file would diverge.
        sql("PRAGMA locking_mode = EXCLUSIVE")
        sql("PRAGMA journal_mode = WAL")
        # In WAL, NORMAL outlives the process; only a power cut may cost the latest changes.
        sql("PRAGMA synchronous = NORMAL")
        (version,) = sql("PRAGMA user_version").fetchone()
        (tables,) = sql("SELECT count(*) FROM sqlite_schema").fetchone()
        if version == 0 and tables == 0:
            self._connection.executescript(SCHEMA)
        elif version != SCHEMA_VERSION:
            raise ChainUnavailable(
                f"{self._path} is not a devnet file of this version; name another devnet.path"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ChainUnavailable(
                f"the devnet cannot use {self._path}: {error}; only one process at a time may,"
                " and it must be able to write there"
            ) from error

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def begin(self, network: str, genesis_slot: int) -> Saved:
        """Return the log of the network's chain; begin a new one at the slot if there is none."""
        with self._change() as change:
            sql = change.execute
            row = sql("SELECT network, genesis_slot, rollbacks FROM devnet").fetchone()
            if row is None:
                sql("INSERT INTO devnet VALUES (?, ?, 0)", (network, genesis_slot))
                return Saved(genesis_slot, 0, (), (), ())
            kept, genesis_slot, rollbacks = row
            if kept != network:
                raise ChainUnavailable(
                    f"{self._path} holds a devnet for {kept}, not {network};"
                    " put '{network}' in devnet.path to have a file for each"
                )
            raws: defaultdict[int | None, list[bytes]] = defaultdict(list)
            for height, raw in sql("SELECT height, raw FROM transactions ORDER BY position"):
                raws[height].append(raw)
            blocks = [
                SavedBlock(slot, block_hash, raws[height])
                for height, slot, block_hash in sql("SELECT * FROM blocks ORDER BY height")
            ]
            grants = [output for (output,) in sql("SELECT output FROM grants ORDER BY number")]
            return Saved(genesis_slot, rollbacks, grants, blocks, raws[None])

    def add_grant(self, output: bytes) -> None:
        """Keep a faucet output."""
        with self._change() as change:
            change.execute("INSERT INTO grants (output) VALUES (?)", (output,))

    def add_transaction(self, transaction_id: bytes, raw: bytes) -> None:
        """Keep a transaction of the mempool."""
        with self._change() as change:
            change.execute(
                "INSERT INTO transactions (id, raw) VALUES (?, ?)", (transaction_id, raw)
            )

    def add_block(
        self, height: int, block: SavedBlock, taken: Collection[bytes], dropped: Collection[bytes]
    ) -> None:
        """Forget the dropped (ids) and put the taken ones (ids) of the mempool in the block."""
        with self._change() as change:
            _forget(change, dropped)
            change.execute("INSERT INTO blocks VALUES (?, ?, ?)", (height, block.slot, block.hash))
            change.executemany(
                "UPDATE transactions SET height = ? WHERE id = ?",
                [(height, each) for each in taken],
            )

    def roll_back(self, height: int, dropped: Collection[bytes]) -> None:
        """Forget the blocks above; put their transactions, except ``dropped``, in the mempool."""
        with self._change() as change:
            change.execute("UPDATE transactions SET height = NULL WHERE height > ?", (height,))
            change.execute("DELETE FROM blocks WHERE height > ?", (height,))
            change.execute("UPDATE devnet SET rollbacks = rollbacks + 1")
            _forget(change, dropped)

    def clear(self) -> None:
        """Forget everything, so that another ``begin`` finds nothing."""
        with self._change() as change:
            for table in ("devnet", "grants", "blocks", "transactions"):
                change.execute(f"DELETE FROM {table}")  # noqa: S608

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _forget(change: sqlite3.Connection, dropped: Collection[bytes]) -> None:
    change.executemany("DELETE FROM transactions WHERE id = ?", [(each,) for each in dropped])
