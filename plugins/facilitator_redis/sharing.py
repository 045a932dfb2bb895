"""The chain data that the processes on one Redis share."""

from collections.abc import Collection, Mapping, Sequence

from facilitator.plugin import Entry, Lease, SharedOutput
from facilitator_redis import scripts
from facilitator_redis.client import Value
from facilitator_redis.names import Names
from facilitator_redis.server import Server


class SharedChain:
    """A :class:`~facilitator.roles.sharing.SharesChain` for all processes on the same Redis."""

    def __init__(self, server: Server, names: Names) -> None:
        """Share under these names."""
        self._server = server
        self._names = names

    def lead(
        self, network: str, follower: str, now: float, until: float, over: Lease | None = None
    ) -> Lease:
        """Make the follower the leader unless another's lease lasts; return the one in force."""
        ended = "" if over is None else f"{over.until!r} {over.follower}"
        asked: list[Value] = [follower, now, until, ended]
        lease: bytes = self._server.run(scripts.LEAD, [self._names.leader(network)], asked)
        ends_at, _, leader = lease.decode().partition(" ")
        return Lease(leader, float(ends_at))

    def resign(self, network: str, follower: str) -> None:
        """End the follower's lease, if it leads."""
        self._server.run(scripts.RESIGN, [self._names.leader(network)], [follower])

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
        keys = [self._names.leader(network), self._names.feed(network)]
        keys += [self._names.output(network, ref) for ref in spent]
        entry: list[Value] = [follower, number, content, keep]
        return bool(self._server.run(scripts.PUBLISH, keys, entry))

    def published(self, network: str, after: int) -> Sequence[Entry]:
        """Return the entries with a greater number, oldest first; after -1 the newest one alone."""
        feed = self._names.feed(network)
        if after == -1:
            entries = self._server.read("ZRANGE", feed, -1, -1)
        else:
            entries = self._server.read("ZRANGEBYSCORE", feed, f"({after}", "+inf")
        numbered = (entry.partition(b" ") for entry in entries)
        return [Entry(int(number), content) for number, _, content in numbered]

    def share_outputs(
        self, network: str, outputs: Mapping[str, SharedOutput], keep_until: float
    ) -> None:
        """Put outputs in the shared cache."""
        keys = [self._names.output(network, ref) for ref in outputs]
        records = [b"%d %b" % output for output in outputs.values()]
        self._server.run(scripts.SHARE_OUTPUTS, keys, [max(1, int(keep_until * 1000)), *records])

    def shared_outputs(self, network: str, refs: Collection[str]) -> Mapping[str, SharedOutput]:
        """Return those of these outputs that are in the shared cache."""
        if not refs:
            return {}
        names = [self._names.output(network, ref) for ref in refs]
        found = zip(refs, self._server.read("MGET", *names), strict=True)
        return {ref: _shared(record) for ref, record in found if record is not None}


def _shared(record: bytes) -> SharedOutput:
    seen_at, _, content = record.partition(b" ")
    return SharedOutput(int(seen_at), content)
