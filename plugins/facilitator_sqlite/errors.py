"""SQLite's result codes, as sentences that say what to do."""

import sqlite3

from facilitator.roles.storage import StorageUnavailable

_ADVICE = {
    sqlite3.SQLITE_BUSY: "is kept locked by another process; stop that one, or use a faster disk",
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; its folder must exist, and this user must be able to write to both"
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged; stop the facilitator and restore a backup"
        " (an empty file would forget which payments were settled)"
    ),
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "cannot be read or written; check the disk, which must be a local one",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; name another file in sqlite.path",
    sqlite3.SQLITE_READONLY: "is read-only; let this user write to it and to its folder",
}


def unavailable(path: str, complaint: str) -> StorageUnavailable:
    """The error that names the file and completes the sentence."""
    return StorageUnavailable(f"the file {path} {complaint}")


def explained(path: str, error: sqlite3.Error) -> StorageUnavailable:
    """The error for the result code, by its primary code (the lowest eight bits)."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return unavailable(path, _ADVICE.get(code & 0xFF, f"cannot be used: {error}"))
