"""SQLite's result codes, as sentences that say what to do."""

import sqlite3

from facilitator.plugin import StorageUnavailable

_ADVICE = {
    sqlite3.SQLITE_BUSY: "is kept locked by another process; stop that one, or use a faster disk",
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; it must be a file in a folder that exists, and this user must be able to"
        " write to both"
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged; stop the facilitator, move the file away and start with a new one: payments"
        " that are in a block by then are refused, whereas an old copy could deliver a success"
        " twice"
    ),
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "cannot be read or written; check the disk, which must be a local one",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; name another file in sqlite.path",
    sqlite3.SQLITE_READONLY: "is read-only; let this user write to it and to its folder",
}


class DamagedRow(Exception):
    """A row holds values that are never written into such rows."""


def unavailable(path: str, complaint: str) -> StorageUnavailable:
    """Return the error that names the file and completes the sentence."""
    return StorageUnavailable(f"the file {path} {complaint}")


def explained(path: str, error: sqlite3.Error | DamagedRow) -> StorageUnavailable:
    """Return the error for the result code, by its primary code (the lowest eight bits)."""
    if isinstance(error, DamagedRow):
        return unavailable(path, _ADVICE[sqlite3.SQLITE_CORRUPT])
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return unavailable(path, _ADVICE.get(code & 0xFF, f"cannot be used: {error}"))
