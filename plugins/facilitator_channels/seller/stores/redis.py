"""Records in Redis or Valkey, for several machines. It must keep what it has acknowledged.

Each record is one string. A change is one script, which compares and sets. A server that keeps no
append-only file, or deletes keys when it is full, is refused: a record that is lost is money lost.
"""

from collections.abc import Iterator
from typing import Any

from redis import Redis, exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from facilitator_channels.seller.store import StoreUnavailable

_REPLACE = """
local current = redis.call('GET', KEYS[1])
if (current or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
"""
"""Compares and sets. An empty text stands for no record."""

_NEEDED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
_ERRORS = (exceptions.RedisError, OSError)


class RedisStore:
    """A :class:`~facilitator_channels.seller.store.ChannelStore` on one server.

    Connections are made again after a fork and after a failure. No command is repeated: only the
    caller knows if it may be.
    """

    def __init__(self, url: str, prefix: str = "x402-channels", timeout_seconds: float = 2) -> None:
        """Connect to ``redis://`` or ``rediss://``; wait ``timeout_seconds`` for each answer.

        Raises :class:`StoreUnavailable` if the server is away, or does not keep what it is given.
        A server that does not allow the question (``CONFIG GET``) is taken.
        """
        self._prefix = prefix
        self._client: Any = Redis.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=timeout_seconds,
            socket_timeout=timeout_seconds,
            health_check_interval=30,
        )
        self._check()

    def read(self, channel_id: str) -> bytes | None:
        """Return the newest record; ``None`` if there is none."""
        found: bytes | None = self._call("GET", self._key(channel_id))
        return found

    def replace(
        self,
        channel_id: str,
        old: bytes | None,
        new: bytes | None,
        *,
        durable: bool,  # noqa: ARG002 -- each change is
    ) -> bool:
        """Put ``new`` in the place of ``old``, if that is the record; return True if it was.

        Every change is on the disk before the answer.
        """
        key = self._key(channel_id)
        return bool(self._call("EVAL", _REPLACE, 1, key, old or b"", new or b""))

    def scan(self) -> Iterator[bytes]:
        """Yield each record, by pages."""
        seen: set[bytes] = set()
        cursor = b"0"
        while True:
            page = ("SCAN", cursor, "MATCH", f"{_escape(self._prefix)}:*", "COUNT", 200)
            found, keys = self._call(*page)
            cursor = str(found).encode() if isinstance(found, int) else found
            fresh = [key for key in keys if key not in seen]
            seen.update(fresh)
            if fresh:
                yield from (each for each in self._call("MGET", *fresh) if each is not None)
            if cursor == b"0":
                return

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _key(self, channel_id: str) -> str:
        return f"{self._prefix}:{channel_id}"

    def _check(self) -> None:
        try:
            found = self._client.execute_command("CONFIG", "GET", *_NEEDED)
        except exceptions.ResponseError:
            return
        except _ERRORS as error:
            raise _explained(error) from error
        values = {_text(name): _text(value) for name, value in found.items()}
        for name, needed in _NEEDED.items():
            if values.get(name, needed) != needed:
                raise StoreUnavailable(
                    f"Redis can lose vouchers, which are money: set {name} to {needed},"
                    f" it is {values[name]}"
                )

    def _call(self, *command: Any) -> Any:
        try:
            return self._client.execute_command(*command)
        except _ERRORS as error:
            raise _explained(error) from error


def _explained(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"Redis cannot be used: {type(error).__name__}")


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _escape(prefix: str) -> str:
    return "".join(f"\\{each}" if each in "*?[]^\\" else each for each in prefix)
