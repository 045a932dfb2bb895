"""The sponsor's outputs in one SQLite file: which are free, and which transaction has each other.

Every method is one transaction of the file, made over a connection of its own. So threads and
processes may share the file, and a fork does no harm. What was written survives the process.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from facilitator.errors import FacilitatorError

T = TypeVar("T")

GRACE_MS = 120_000
"""Milliseconds after a transaction's validity from which on the chain shows if it has landed."""

FREE, BOUND, SUBMITTED, SPENT = "free", "bound", "submitted", "spent"
"""The states of an output: offered to any; signed for one transaction; the signature was given
away; spent as far as is known."""

_VERSION = 1
_BUSY_SECONDS = 30.0
_SCHEMA = f"""
CREATE TABLE sponsor_outputs (
    input TEXT PRIMARY KEY,
    lovelace INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('{FREE}', '{BOUND}', '{SUBMITTED}', '{SPENT}')),
    transaction_id TEXT,
    offer TEXT,
    witnesses TEXT,
    valid_until_ms INTEGER,
    CHECK ((state = '{FREE}') = (transaction_id IS NULL))
) WITHOUT ROWID
"""
_COLUMNS = "input, lovelace, state, transaction_id, offer, witnesses, valid_until_ms"
_TO_FREE = (
    f"UPDATE sponsor_outputs SET state = '{FREE}', transaction_id = NULL, offer = NULL,"  # noqa: S608
    " witnesses = NULL, valid_until_ms = NULL WHERE input = ? AND transaction_id = ?"
)


class SponsorFileError(FacilitatorError):
    """The file cannot be used."""


class PooledOutput(NamedTuple):
    """An output of the sponsor's, and the transaction that has it."""

    input: str
    """``<transaction id>#<index>``."""
    lovelace: int
    state: str
    """One of :data:`FREE`, :data:`BOUND`, :data:`SUBMITTED`, :data:`SPENT`."""
    transaction_id: str | None
    """Lowercase hex; ``None`` while it is free."""
    offer: Mapping[str, str] | None
    """The offer that the transaction uses, as ``extra.feeSponsor`` has it."""
    witnesses: str | None
    """The sponsor's signature, a witness set in hex, once it has signed."""
    valid_until_ms: int | None
    """Unix time in ms at which the validity of the transaction ends."""


class SponsorStore:
    """The file. Every method raises :class:`sqlite3.Error` if it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        """Open the file, and make it if there is none. Raises :class:`SponsorFileError`.

        A new one is readable by its owner alone: it holds signatures that are not given away yet.
        Raises :class:`OSError` if it cannot be made.
        """
        self._path = path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._write(_prepare)

    def find(self, ref: str) -> PooledOutput | None:
        """Return the output, if it is known."""
        query = f"SELECT {_COLUMNS} FROM sponsor_outputs WHERE input = ?"  # noqa: S608
        rows = self._read(query, ref)
        return rows[0] if rows else None

    def outputs(self) -> list[PooledOutput]:
        """Return all outputs that are known, by their refs."""
        return self._read(f"SELECT {_COLUMNS} FROM sponsor_outputs ORDER BY input")  # noqa: S608

    def bind(
        self, ref: str, transaction_id: str, offer: Mapping[str, str], valid_until_ms: int
    ) -> bool:
        """Bind a free output to the transaction; return True if the transaction has it by then.

        An output that it has already stays as it is.
        """
        text = json.dumps(offer, sort_keys=True)

        def bind(connection: sqlite3.Connection) -> bool:
            connection.execute(
                f"UPDATE sponsor_outputs SET state = '{BOUND}', transaction_id = ?, offer = ?,"  # noqa: S608
                f" valid_until_ms = ? WHERE input = ? AND state = '{FREE}'",
                (transaction_id, text, valid_until_ms, ref),
            )
            mine = "SELECT 1 FROM sponsor_outputs WHERE input = ? AND transaction_id = ?"
            return connection.execute(mine, (ref, transaction_id)).fetchone() is not None

        return self._write(bind)

    def keep_witnesses(self, ref: str, transaction_id: str, witnesses: str) -> str | None:
        """Keep the sponsor's signature unless there is one; return the one that is kept.

        ``None`` if the output does not belong to the transaction.
        """

        def keep(connection: sqlite3.Connection) -> str | None:
            own = (ref, transaction_id)
            connection.execute(
                "UPDATE sponsor_outputs SET witnesses = ?"
                " WHERE input = ? AND transaction_id = ? AND witnesses IS NULL",
                (witnesses, *own),
            )
            query = "SELECT witnesses FROM sponsor_outputs WHERE input = ? AND transaction_id = ?"
            row = connection.execute(query, own).fetchone()
            return None if row is None else row[0]

        return self._write(keep)

    def mark_submitted(self, ref: str, transaction_id: str) -> bool:
        """Note that the signature is given away now; return True if the transaction has the output.

        Called before that: the transaction may land from then on.
        """

        def mark(connection: sqlite3.Connection) -> bool:
            connection.execute(
                f"UPDATE sponsor_outputs SET state = '{SUBMITTED}'"  # noqa: S608
                f" WHERE input = ? AND transaction_id = ? AND state = '{BOUND}'",
                (ref, transaction_id),
            )
            mine = "SELECT 1 FROM sponsor_outputs WHERE input = ? AND transaction_id = ?"
            return connection.execute(mine, (ref, transaction_id)).fetchone() is not None

        return self._write(mark)

    def release(self, ref: str, transaction_id: str, *, is_definitive: bool) -> bool:
        """Free the output of the transaction; return True if it was freed.

        One whose signature was given away is freed only if the transaction has failed for good.
        """
        states = (BOUND, SUBMITTED) if is_definitive else (BOUND, BOUND)

        def release(connection: sqlite3.Connection) -> bool:
            sql = f"{_TO_FREE} AND state IN (?, ?)"
            return connection.execute(sql, (ref, transaction_id, *states)).rowcount == 1

        return self._write(release)

    def retire(self, ref: str, transaction_id: str) -> None:
        """Note that the transaction has spent the output."""

        def retire(connection: sqlite3.Connection) -> None:
            connection.execute(
                f"UPDATE sponsor_outputs SET state = '{SPENT}'"  # noqa: S608
                " WHERE input = ? AND transaction_id = ?",
                (ref, transaction_id),
            )

        self._write(retire)

    def refresh(self, listed: Mapping[str, int], now_ms: int) -> None:
        """Take over what the chain lists: the lovelace of unspent outputs by their refs.

        A transaction that has neither landed nor can land any more gives its output back.
        """

        def refresh(connection: sqlite3.Connection) -> None:
            query = f"SELECT {_COLUMNS} FROM sponsor_outputs"  # noqa: S608
            for output in map(_read_row, connection.execute(query).fetchall()):
                _follow(connection, output, output.input in listed, now_ms)
            connection.executemany(
                f"INSERT OR IGNORE INTO sponsor_outputs (input, lovelace, state)"  # noqa: S608
                f" VALUES (?, ?, '{FREE}')",
                sorted(listed.items()),
            )

        self._write(refresh)

    def _read(self, query: str, *arguments: str) -> list[PooledOutput]:
        with closing(self._connect()) as connection:
            return [_read_row(row) for row in connection.execute(query, arguments)]

    def _write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = change(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return result

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)


def _prepare(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.execute(_SCHEMA)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
    elif version != _VERSION:
        raise SponsorFileError(
            f"the sponsor's file is of version {version}, and this release knows {_VERSION}"
        )


def _read_row(row: tuple[str, int, str, str | None, str | None, str | None, int]) -> PooledOutput:
    offer = None if row[4] is None else json.loads(row[4])
    return PooledOutput(row[0], row[1], row[2], row[3], offer, row[5], row[6])


def _follow(
    connection: sqlite3.Connection, output: PooledOutput, is_listed: bool, now_ms: int
) -> None:
    """Bring one output to where the chain is."""
    is_over = now_ms > (output.valid_until_ms or 0) + GRACE_MS
    own = (output.input, output.transaction_id)
    if is_listed:
        if output.state != FREE and is_over:
            connection.execute(_TO_FREE, own)
    elif output.state == FREE or is_over:
        connection.execute("DELETE FROM sponsor_outputs WHERE input = ?", own[:1])
    elif output.state == SUBMITTED:
        sql = f"UPDATE sponsor_outputs SET state = '{SPENT}' WHERE input = ?"  # noqa: S608
        connection.execute(sql, own[:1])
