"""The API keys in the storage, which is asked for each request that shows one."""

from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from facilitator.api.callers import Caller, Sender, not_known, too_many_guesses, unauthorized
from facilitator.api.last_use import LastUse
from facilitator.api.rate_limiters import MovingWindows
from facilitator.clock import Clock
from facilitator.roles.api_keys import ApiKey, StoresApiKeys
from facilitator.roles.rate_limit import Limits
from facilitator.roles.storage import StorageUnavailable

GUESSES_PER_MINUTE = 100
"""Keys that are not valid, for which the storage is asked in any minute for one address."""


class StoredKeys:
    """The keys in a storage. Safe in many threads.

    A key that was valid here before is always looked up. So only keys that exist are remembered,
    and guesses from an address stop no key in use that comes from there.
    """

    def __init__(
        self, storage: StoresApiKeys, clock: Clock, *, limits_guesses: bool = True
    ) -> None:
        """Ask ``storage``; by ``clock`` keys expire, and guesses count for a minute."""
        self._storage = storage
        self._clock = clock
        self._last_use = LastUse(storage)
        self._guesses = _Guesses(clock) if limits_guesses else None
        self._callers: dict[str, Caller] = {}
        """Holders of keys that were valid when they came last, by digest."""

    def find(self, digest: str, address: str | None) -> Sender:
        """Return the sender of the key with this digest.

        ``address`` is that of the sender as limits count it, ``None`` for this machine.
        """
        known = self._callers.get(digest)
        guesser = None if known else address
        if self._guesses and guesser and self._guesses.are_too_many(guesser):
            return Sender(None, too_many_guesses())
        try:
            key = self._storage.api_key(digest)
        except StorageUnavailable as error:
            return Sender(known, not_known(str(error)))
        now = self._clock.time()
        if key is None or not key.is_valid(now):
            self._callers.pop(digest, None)
            if self._guesses and guesser:
                self._guesses.count(guesser)
            return Sender(None, unauthorized(_fault(key)))
        caller = self._callers[digest] = _caller(key)
        self._last_use.note(key.name, now)
        return Sender(caller)


class _Guesses:
    """The guesses of each address in the last minute, which are forgotten then."""

    def __init__(self, clock: Clock) -> None:
        self._windows = MovingWindowRateLimiter(MovingWindows(clock.time))
        self._most = RateLimitItemPerMinute(GUESSES_PER_MINUTE)

    def are_too_many(self, address: str) -> bool:
        return not self._windows.test(self._most, address)

    def count(self, address: str) -> None:
        self._windows.hit(self._most, address)


def _caller(key: ApiKey) -> Caller:
    most = key.per_minute
    return Caller(key.name, key.scope, None if most is None else Limits(most, most))


def _fault(key: ApiKey | None) -> str:
    """Return a sentence on a key that is not valid, for the one who has it."""
    if key is None:
        return ""
    return "This key was revoked." if key.revoked_at is not None else "This key has expired."
