"""The chain data that the processes on one database share."""

from collections.abc import Callable, Collection, Mapping, Sequence

from facilitator.plugin import Entry, Lease, SharedOutput
from facilitator_postgres.database import Database
from facilitator_postgres.listening import Listener
from facilitator_postgres.rows import escape, unescape

_LEAD = "SELECT * FROM {schema}.lead(%s, %s, %s, %s, %s, %s)"
_RESIGN = "SELECT {schema}.resign(%s, %s)"
_PUBLISH = "SELECT {schema}.publish(%s, %s, %s, %s, %s, %s)"
_NEWEST = """
    SELECT number, content FROM {schema}.entries WHERE network = %s ORDER BY number DESC LIMIT 1
"""
_LATER = """
    SELECT number, content FROM {schema}.entries WHERE network = %s AND number > %s
    ORDER BY number
"""
_SHARE = "SELECT {schema}.share_outputs(%s, %s, %s, %s, %s)"
_SHARED = """
    SELECT ref, seen_at, content FROM {schema}.outputs
    WHERE network = %s AND ref = ANY (%s) AND until > {schema}.server_now()
"""


class SharedChain:
    """The optional parts of :mod:`facilitator.roles.sharing`, by the tables of a database."""

    def __init__(self, database: Database) -> None:
        """Share through the tables of this database."""
        self._shared = database
        self._listener = Listener(database)

    def lead(
        self, network: str, follower: str, now: float, until: float, over: Lease | None = None
    ) -> Lease:
        """Make the follower the leader unless another's lease lasts; return the one in force."""
        name, ended_at = (None, None) if over is None else (escape(over.follower), over.until)
        ((leader, leads_until),) = self._shared.change(
            _LEAD, escape(network), escape(follower), now, until, name, ended_at
        )
        return Lease(unescape(leader), leads_until)

    def resign(self, network: str, follower: str) -> None:
        """End the follower's lease, if it leads."""
        self._shared.change(_RESIGN, escape(network), escape(follower))

    def publish(
        self,
        network: str,
        follower: str,
        number: int,
        content: bytes,
        spent: Collection[str],
        keep: int,
    ) -> bool:
        """Append an entry to the network's feed; return True if it is there now."""
        refs = [escape(ref) for ref in spent]
        ((is_there,),) = self._shared.change(
            _PUBLISH, escape(network), escape(follower), number, content, refs, keep
        )
        return bool(is_there)

    def announce(self, network: str, call: Callable[[], None]) -> None:
        """Have ``call`` called soon after each entry of the network's feed."""
        self._listener.listen(escape(network), call)

    def published(self, network: str, after: int) -> Sequence[Entry]:
        """Return the entries with a greater number, oldest first; after -1 the newest one alone."""
        if after == -1:
            found = self._shared.read(_NEWEST, escape(network))
        else:
            found = self._shared.read(_LATER, escape(network), after)
        return [Entry(*row) for row in found]

    def share_outputs(
        self, network: str, outputs: Mapping[str, SharedOutput], keep_until: float
    ) -> None:
        """Put outputs in the shared cache."""
        refs = [escape(ref) for ref in outputs]
        seen_at = [output.seen_at for output in outputs.values()]
        contents = [output.content for output in outputs.values()]
        self._shared.change(_SHARE, escape(network), refs, seen_at, contents, keep_until)

    def shared_outputs(self, network: str, refs: Collection[str]) -> Mapping[str, SharedOutput]:
        """Return those of these outputs that are in the shared cache."""
        if not refs:
            return {}
        wanted = [escape(ref) for ref in refs]
        found = self._shared.read(_SHARED, escape(network), wanted)
        return {unescape(ref): SharedOutput(*output) for ref, *output in found}
