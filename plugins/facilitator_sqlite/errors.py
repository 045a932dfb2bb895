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
_PUBLIC = {
    sqlite3.SQLITE_BUSY: "the storage is too busy",
    sqlite3.SQLITE_CORRUPT: "the storage is damaged",
    sqlite3.SQLITE_FULL: "the storage is full",
    sqlite3.SQLITE_READONLY: "the storage is read-only",
}
_NO_WORK = "the storage does not work"


class DamagedRow(Exception):
    """A row holds values that are never written into such rows."""


def unavailable(path: str, complaint: str, public: str = _NO_WORK) -> StorageUnavailable:
    """Return the error whose detail names the file and completes the sentence."""
    return StorageUnavailable(public, f"the file {path} {complaint}")


def too_busy(path: str) -> StorageUnavailable:
    """Return the error of a write that other writes of this process keep waiting."""
    return unavailable(path, "is too busy; use a faster disk", _PUBLIC[sqlite3.SQLITE_BUSY])


def describe_error(error: sqlite3.Error | DamagedRow) -> tuple[str, str]:
    """Return the complaint about the file for the result code, and the sentence for callers."""
    code = get_primary_code(error)
    return _ADVICE.get(code, f"cannot be used: {error}"), _PUBLIC.get(code, _NO_WORK)


def get_primary_code(error: sqlite3.Error | DamagedRow) -> int:
    """Return the primary result code: the lowest eight bits."""
    if isinstance(error, DamagedRow):
        return sqlite3.SQLITE_CORRUPT
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
