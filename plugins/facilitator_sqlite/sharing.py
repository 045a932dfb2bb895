"""The chain data that the processes on one file share."""

import sqlite3
from collections.abc import Collection, Sequence

from facilitator.plugin import Entry, Lease
from facilitator_sqlite.database import Database

_LEASE = "SELECT follower, lease_until FROM leaders WHERE network = ?"
_LEAD = "INSERT OR REPLACE INTO leaders VALUES (?, ?, ?)"
_PUBLISH = """
    INSERT INTO entries SELECT network, ?, ? FROM leaders
    WHERE network = ? AND follower = ?
    AND ? = 1 + (SELECT coalesce(max(number), 0) FROM entries WHERE network = leaders.network)
"""
_IS_NEWEST = """
    SELECT 1 FROM entries JOIN leaders USING (network)
    WHERE network = ? AND follower = ? AND number = ? AND content = ?
    AND number = (SELECT max(number) FROM entries AS all_of_them WHERE network = leaders.network)
"""
_SPEND = "DELETE FROM outputs WHERE network = ? AND ref IN (SELECT value FROM json_each(?))"
_NEWEST = "SELECT number, content FROM entries WHERE network = ? ORDER BY number DESC LIMIT 1"
_LATER = "SELECT number, content FROM entries WHERE network = ? AND number > ? ORDER BY number"


class SharedChain:
    """A :class:`~facilitator.roles.sharing.SharesChain` for the processes of one machine."""

    def __init__(self, database: Database) -> None:
        """Share through the tables of this file."""
        self._database = database

    def lead(
        self, network: str, follower: str, now: float, until: float, over: Lease | None = None
    ) -> Lease:
        """Make ``follower`` the leader unless another's lease lasts; return the lease in force."""

        def lasting(connection: sqlite3.Connection) -> Lease | None:
            """Return the lease of another follower that keeps this one from leading."""
            found = connection.execute(_LEASE, (network,)).fetchone()
            if found is None:
                return None
            lease = Lease(*found)
            is_over = lease.until <= now or lease == over
            return None if is_over or lease.follower == follower else lease

        def lead(connection: sqlite3.Connection) -> Lease:
            lease = lasting(connection)
            if lease is None:
                lease = Lease(follower, until)
                connection.execute(_LEAD, (network, *lease))
            return lease

        # Those who only wait for the lead ask once a second: they need not write for that.
        return self._database.read(lasting) or self._database.write(lead, durable=False)

    def resign(self, network: str, follower: str) -> None:
        """End the follower's lease, if it leads."""
        lease = (network, follower)

        def resign(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM leaders WHERE network = ? AND follower = ?", lease)

        self._database.write(resign, durable=False)

    def publish(
        self,
        network: str,
        follower: str,
        number: int,
        content: bytes,
        spent: Collection[str],  # noqa: ARG002 -- no outputs are kept here
        keep: int,
    ) -> bool:
        """Append an entry to the network's feed; return True if it is there now."""

        def publish(connection: sqlite3.Connection) -> bool:
            entry = (number, content, network, follower, number)
            if not connection.execute(_PUBLISH, entry).rowcount:
                same = connection.execute(_IS_NEWEST, (network, follower, number, content))
                return same.fetchone() is not None
            trimmed = (network, number - keep)
            connection.execute("DELETE FROM entries WHERE network = ? AND number <= ?", trimmed)
            return True

        return self._database.write(publish, durable=False)

    def published(self, network: str, after: int) -> Sequence[Entry]:
        """Return the entries with a greater number, oldest first; after -1 the newest one alone."""

        def published(connection: sqlite3.Connection) -> list[Entry]:
            if after == -1:
                found = connection.execute(_NEWEST, (network,))
            else:
                found = connection.execute(_LATER, (network, after))
            return [Entry(*row) for row in found.fetchall()]

        return self._database.read(published)
