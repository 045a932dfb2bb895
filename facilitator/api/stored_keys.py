"""The API keys in the storage, which is asked for each request that shows one."""

from collections.abc import Callable
from typing import TypeAlias

from facilitator.api.callers import Caller, Sender, not_known, unauthorized
from facilitator.api.last_use import LastUse
from facilitator.clock import Clock
from facilitator.roles.api_keys import ApiKey, StoresApiKeys
from facilitator.roles.rate_limit import Limits
from facilitator.roles.storage import StorageUnavailable

Charge: TypeAlias = Callable[[], None]
"""A function that counts one look-up for the address of the sender, and raises if it may not."""


class StoredKeys:
    """The keys in a storage. Safe in many threads.

    A key that was valid here before is looked up at no charge. So only those keys are remembered
    that exist, and a flood of guesses from an address stops no key in use that comes from there.
    """

    def __init__(self, storage: StoresApiKeys, clock: Clock) -> None:
        """Ask ``storage``; ``clock`` says which keys have expired."""
        self._storage = storage
        self._clock = clock
        self._last_use = LastUse(storage)
        self._callers: dict[str, Caller] = {}
        """Holders of keys that were valid when they came last, by digest."""

    def find(self, digest: str, charge: Charge) -> Sender:
        """Return the sender of the key with this digest. Raises what ``charge`` raises."""
        known = self._callers.get(digest)
        if known is None:
            charge()
        try:
            key = self._storage.api_key(digest)
        except StorageUnavailable as error:
            return Sender(known, not_known(str(error)))
        now = self._clock.time()
        if key is None or not key.is_valid(now):
            self._callers.pop(digest, None)
            return Sender(None, unauthorized(_fault(key)))
        caller = self._callers[digest] = _caller(key)
        self._last_use.note(key.name, now)
        return Sender(caller)


def _caller(key: ApiKey) -> Caller:
    most = key.per_minute
    return Caller(key.name, key.scope, None if most is None else Limits(most, most))


def _fault(key: ApiKey | None) -> str:
    """Return a sentence on a key that is not valid, for the one who has it."""
    if key is None:
        return ""
    return "This key was revoked." if key.revoked_at is not None else "This key has expired."
