"""API keys in a dictionary, for tests: they end with the process."""

import threading
from collections.abc import Sequence
from dataclasses import replace

from facilitator.plugin import ApiKey


class KeptApiKeys:
    """A :class:`~facilitator.roles.api_keys.StoresApiKeys` that lives as long as its process."""

    def __init__(self) -> None:
        """Start empty."""
        self._api_keys_lock = threading.Lock()
        self._api_keys: dict[str, ApiKey] = {}
        """Keys by name."""

    def add_api_key(self, key: ApiKey) -> bool:
        """Write the key unless its name or its digest is taken; return True if it is stored now."""
        with self._api_keys_lock:
            if any(each.digest == key.digest for each in self._api_keys.values()):
                return self._api_keys.get(key.name) == key
            return self._api_keys.setdefault(key.name, key) is key

    def api_key(self, digest: str) -> ApiKey | None:
        """Return the key with this digest, if there is one."""
        with self._api_keys_lock:
            found = (each for each in self._api_keys.values() if each.digest == digest)
            return next(found, None)

    def api_keys(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        with self._api_keys_lock:
            return sorted(self._api_keys.values(), key=lambda each: each.created_at)

    def revoke_api_key(self, name: str, now: float) -> bool:
        """Revoke the key of this name; return False if there is none."""
        with self._api_keys_lock:
            key = self._api_keys.get(name)
            if key is not None and key.revoked_at is None:
                self._api_keys[name] = replace(key, revoked_at=now)
            return key is not None

    def note_api_key_use(self, name: str, now: float) -> None:
        """Set the last use of the key, unless it has a later one."""
        with self._api_keys_lock:
            key = self._api_keys.get(name)
            if key is not None and (key.used_at is None or key.used_at < now):
                self._api_keys[name] = replace(key, used_at=now)
