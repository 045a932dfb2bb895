"""The contract of storages that keep API keys catches keys that come back, or get mixed up."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from facilitator.roles.api_keys import ApiKey
from facilitator.testing.storage import StoresApiKeysContract
from facilitator_memory.storage import MemoryStorage
from support.contracts import failures


class FreesNames(MemoryStorage):
    """Gives the name of a revoked key to another one."""

    def add_api_key(self, key: ApiKey) -> bool:
        former = self._api_keys.get(key.name)
        if former is not None and former.revoked_at is not None:
            del self._api_keys[key.name]
        return super().add_api_key(key)


class Replaces(MemoryStorage):
    """Gives a name that is taken to the newest key."""

    def add_api_key(self, key: ApiKey) -> bool:
        self._api_keys[key.name] = key
        return True


class HidesRevoked(MemoryStorage):
    """Lists valid keys only."""

    def api_keys(self) -> Sequence[ApiKey]:
        return [each for each in super().api_keys() if each.revoked_at is None]


class RevivesByUse(MemoryStorage):
    """Writes a whole key to note its use."""

    def note_api_key_use(self, name: str, now: float) -> None:
        super().note_api_key_use(name, now)
        if name in self._api_keys:
            self._api_keys[name] = replace(self._api_keys[name], revoked_at=None)


class FindsByBeginning(MemoryStorage):
    """Finds a key by a part of its digest."""

    def api_key(self, digest: str) -> ApiKey | None:
        keys = super().api_keys()
        return next((each for each in keys if each.digest.startswith(digest)), None)


class RefusesARepetition(MemoryStorage):
    """Refuses a name that is taken, also by the very same key."""

    def add_api_key(self, key: ApiKey) -> bool:
        return key.name not in self._api_keys and super().add_api_key(key)


class LastUseGoesBack(MemoryStorage):
    """Notes whatever use is noted last."""

    def note_api_key_use(self, name: str, now: float) -> None:
        if name in self._api_keys:
            self._api_keys[name] = replace(self._api_keys[name], used_at=now)


BUGS = (
    FreesNames,
    Replaces,
    HidesRevoked,
    RevivesByUse,
    FindsByBeginning,
    RefusesARepetition,
    LastUseGoesBack,
)


def failing(make: Callable[[], MemoryStorage]) -> set[str]:
    return failures(StoresApiKeysContract, {"keys": make})


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_a_bug_is_caught(bug: Callable[[], MemoryStorage]) -> None:
    assert failing(bug)


def test_a_storage_that_keeps_keys_is_not_caught() -> None:
    assert failing(MemoryStorage) == set()
