"""API keys: a record for each, and apart from it the times that change.

They need no other command than claims do, so that a user with rules for these can keep them, too.
"""

from collections.abc import Sequence

import orjson

from facilitator.plugin import ApiKey, Scope, StorageUnavailable
from facilitator_redis.names import Names
from facilitator_redis.script import Script
from facilitator_redis.server import Server

ADD = Script("""
local digest, record = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if (digest or record) and (digest ~= ARGV[1] or record ~= ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
return 1
""")
"""KEYS: the name's digest, the record, the index of all digests by age. ARGV: the digest, the
record, its place in the index. Returns 1 if the record is there now; an equal one is set and
replicated again."""

SET_FIRST = Script("redis.call('SET', KEYS[1], redis.call('GET', KEYS[1]) or ARGV[1])")
"""KEYS: a time. ARGV: the time to set, unless there is one. That is set and replicated again."""

SET_LATER = Script("""
local former = redis.call('GET', KEYS[1])
if not former or tonumber(former) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
""")
"""KEYS: a time. ARGV: the time to set, unless there is a later one."""


class RedisApiKeys:
    """A :class:`~facilitator.roles.api_keys.StoresApiKeys` for all processes on the same Redis."""

    def __init__(self, server: Server, names: Names, replicas: int) -> None:
        """Keep them under these names; a change counts once so many ``replicas`` have it."""
        self._server = server
        self._names = names
        self._replicas = replicas

    def add_api_key(self, key: ApiKey) -> bool:
        """Write the key unless its name or its digest is taken; return True if it is stored now."""
        record = (key.name, key.scope, key.per_minute, key.created_at, key.expires_at)
        names = self._names
        keys = [names.digest_of(key.name), names.api_key(key.digest)[0], names.api_keys]
        added: list[str | bytes | float] = [key.digest, orjson.dumps(record), key.created_at]
        return bool(self._server.run(ADD, keys, added, replicas=self._replicas))

    def api_key(self, digest: str) -> ApiKey | None:
        """Return the key with this digest, if there is one."""
        record, *times = self._server.read("MGET", *self._names.api_key(digest))
        return None if record is None else _decode(digest, record, *times)

    def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        digests = self._server.read("ZRANGE", self._names.api_keys, 0, -1)
        found = (self.api_key(digest.decode()) for digest in digests)
        return [key for key in found if key is not None]

    def revoke_api_key(self, name: str, now: float) -> bool:
        """Revoke the key of this name; return False if there is none."""
        if (digest := self._digest(name)) is None:
            return False
        _, revoked, _ = self._names.api_key(digest)
        self._server.run(SET_FIRST, [revoked], [now], replicas=self._replicas)
        return True

    def note_api_key_use(self, name: str, now: float) -> None:
        """Set the last use of the key, unless it has a later one."""
        if (digest := self._digest(name)) is not None:
            _, _, used = self._names.api_key(digest)
            self._server.run(SET_LATER, [used], [now])

    def _digest(self, name: str) -> str | None:
        """Return the digest of the key of this name, which never changes."""
        digest: bytes | None = self._server.read("GET", self._names.digest_of(name))
        return None if digest is None else digest.decode()


def _decode(digest: str, record: bytes, revoked: bytes | None, used: bytes | None) -> ApiKey:
    """Return the key of the record. Raises :class:`StorageUnavailable`."""
    try:
        name, scope, per_minute, created_at, expires_at = orjson.loads(record)
        times = [None if each is None else float(each) for each in (revoked, used)]
        return ApiKey(name, digest, Scope(scope), per_minute, created_at, expires_at, *times)
    except ValueError as error:
        raise StorageUnavailable(
            "the storage holds a record that cannot be read",
            "Redis holds an API key that cannot be read: a newer facilitator wrote it, or another"
            " program uses the same redis.prefix",
        ) from error
