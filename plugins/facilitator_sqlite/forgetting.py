"""Removing claims whose time is over, and giving their space back, both in small steps."""

import sqlite3

FORGOTTEN_AT_ONCE = 100
"""Claims that a call removes."""
GIVEN_BACK_AT_ONCE = 200
"""Pages by which the file shrinks in a call."""
SPARE_PAGES = 256
"""Free pages that stay, for new records, besides an eighth of those in use."""

_FORGET = """
    DELETE FROM claims WHERE rowid IN (
        SELECT rowid FROM claims
        WHERE keep_until <= ? ORDER BY keep_until LIMIT ?
    )
"""
_PAGES = "SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count"
_NOTE_LEAST = "UPDATE file_state SET least_pages = min(coalesce(least_pages, ?1), ?1)"


def forget_some(connection: sqlite3.Connection, now: float) -> int:
    """Remove some final claims whose time is over; return their number."""
    forgotten = connection.execute(_FORGET, (now, FORGOTTEN_AT_ONCE)).rowcount
    pages, free = connection.execute(_PAGES).fetchone()
    surplus = free - SPARE_PAGES - (pages - free) // 8
    if surplus > 0:
        _give_back(connection, min(surplus, GIVEN_BACK_AT_ONCE))
    return forgotten


def _give_back(connection: sqlite3.Connection, pages: int) -> None:
    """Shrink the file; one that was made by an earlier version keeps its size."""
    for _ in range(pages):  # Python ends this statement after its first page
        connection.execute("PRAGMA incremental_vacuum(1)")
    (left,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(_NOTE_LEAST, (left,))
