"""API keys in one hash, so that a look-up is one command.

Its fields: ``name <name>`` is the digest of a key, ``key <digest>`` its record as a JSON list,
``revoked <digest>`` and ``used <digest>`` are times, which change apart from each other.
"""

from collections.abc import Mapping, Sequence

import orjson

from facilitator.plugin import ApiKey, Scope, StorageUnavailable
from facilitator_redis.names import Names
from facilitator_redis.script import Script
from facilitator_redis.server import Server

ADD = Script("""
local digest = redis.call('HGET', KEYS[1], 'name ' .. ARGV[1])
local record = redis.call('HGET', KEYS[1], 'key ' .. ARGV[2])
if digest or record then
    if digest ~= ARGV[2] or record ~= ARGV[3] then return 0 end
end
redis.call('HSET', KEYS[1], 'name ' .. ARGV[1], ARGV[2], 'key ' .. ARGV[2], ARGV[3])
return 1
""")
"""ARGV: the name, the digest, the record. Returns 1 if the record is there now; an equal one is set
and replicated again."""

REVOKE = Script("""
local digest = redis.call('HGET', KEYS[1], 'name ' .. ARGV[1])
if not digest then return 0 end
local field = 'revoked ' .. digest
redis.call('HSET', KEYS[1], field, redis.call('HGET', KEYS[1], field) or ARGV[2])
return 1
""")
"""ARGV: the name, now. Returns 1 if there is such a key; an earlier time is set and replicated
again."""

NOTE_USE = Script("""
local digest = redis.call('HGET', KEYS[1], 'name ' .. ARGV[1])
if not digest then return end
local used = redis.call('HGET', KEYS[1], 'used ' .. digest)
if not used or tonumber(used) < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], 'used ' .. digest, ARGV[2])
end
""")
"""ARGV: the name, now."""


class RedisApiKeys:
    """A :class:`~facilitator.roles.api_keys.StoresApiKeys` for all processes on the same Redis."""

    def __init__(self, server: Server, names: Names, replicas: int) -> None:
        """Keep them under these names; a change counts once so many ``replicas`` have it."""
        self._server = server
        self._api_keys = names.api_keys
        self._replicas = replicas

    def add_api_key(self, key: ApiKey) -> bool:
        """Write the key unless its name or its digest is taken; return True if it is stored now."""
        record = (key.name, key.scope, key.per_minute, key.created_at, key.expires_at)
        return self._change(ADD, key.name, key.digest, orjson.dumps(record))

    def api_key(self, digest: str) -> ApiKey | None:
        """Return the key with this digest, if there is one."""
        wanted = (f"key {digest}", f"revoked {digest}", f"used {digest}")
        record, *times = self._server.read("HMGET", self._api_keys, *wanted)
        return None if record is None else _decode(digest, record, *times)

    def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        fields: Mapping[bytes, bytes] = self._server.read("HGETALL", self._api_keys)
        found = []
        for field, record in fields.items():
            kind, _, digest = field.partition(b" ")
            if kind == b"key":
                times = (fields.get(b"revoked " + digest), fields.get(b"used " + digest))
                found.append(_decode(digest.decode(), record, *times))
        return sorted(found, key=lambda each: each.created_at)

    def revoke_api_key(self, name: str, now: float) -> bool:
        """Revoke the key of this name; return False if there is none."""
        return self._change(REVOKE, name, now)

    def note_api_key_use(self, name: str, now: float) -> None:
        """Set the last use of the key, unless it has a later one."""
        self._server.run(NOTE_USE, [self._api_keys], [name, now])

    def _change(self, script: Script, *arguments: str | bytes | float) -> bool:
        done = self._server.run(script, [self._api_keys], arguments, replicas=self._replicas)
        return bool(done)


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
