"""Contract tests of storages that keep API keys."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from operator import attrgetter, methodcaller

import pytest

from facilitator.roles.api_keys import ApiKey, Scope, StoresApiKeys
from facilitator.roles.storage import Storage
from facilitator.testing.races import rounds
from facilitator.testing.storage.race import THREADS, RacesStorage, StorageRace

SHOP = ApiKey("shop", "a1" * 32, Scope.PAY, None, created_at=100.25)
FULL = ApiKey("desk.1_b-C", "b2" * 32, Scope.OPERATE, 2**31, 200.5, expires_at=1e10 + 0.125)


class StoresApiKeysContract(RacesStorage):
    """All promises of :class:`~facilitator.roles.api_keys.StoresApiKeys`.

    Subclass it as :class:`~facilitator.testing.storage.StorageContract`, or both at once.
    """

    @pytest.fixture
    def open_storage(self) -> Callable[[], Storage]:
        """Return a function that opens the storage under test; a subclass defines it."""
        raise NotImplementedError("define the fixture open_storage")

    @pytest.fixture
    def keys(self, open_storage: Callable[[], Storage]) -> Iterator[StoresApiKeys]:
        """Yield the storage under test, and close it afterwards."""
        with closing(open_storage()) as storage:
            assert isinstance(storage, StoresApiKeys)
            yield storage

    def test_a_key_is_found_by_its_digest(self, keys: StoresApiKeys) -> None:
        """Every field comes back as it was."""
        assert keys.add_api_key(SHOP)
        assert keys.add_api_key(FULL)
        assert [keys.api_key(each.digest) for each in (SHOP, FULL)] == [SHOP, FULL]

    def test_another_digest_finds_none(self, keys: StoresApiKeys) -> None:
        """Neither does a part of one, nor a name."""
        assert keys.api_key(SHOP.digest) is None
        keys.add_api_key(SHOP)
        for digest in (FULL.digest, SHOP.digest[:-1], SHOP.digest + "0", SHOP.name, ""):
            assert keys.api_key(digest) is None

    def test_a_name_belongs_to_one_key_for_ever(self, keys: StoresApiKeys) -> None:
        """Also after that was revoked: its idempotency keys are no other one's."""
        keys.add_api_key(SHOP)
        assert not keys.add_api_key(replace(SHOP, digest=FULL.digest))
        keys.revoke_api_key("shop", 300.0)
        assert not keys.add_api_key(replace(SHOP, digest=FULL.digest))
        assert keys.api_key(FULL.digest) is None
        assert keys.add_api_key(replace(FULL, name="Shop"))

    def test_a_digest_belongs_to_one_key(self, keys: StoresApiKeys) -> None:
        """The first one stays as it is."""
        keys.add_api_key(SHOP)
        assert not keys.add_api_key(replace(FULL, digest=SHOP.digest))
        assert list(keys.api_keys()) == [SHOP]

    def test_an_addition_may_be_repeated(self, keys: StoresApiKeys) -> None:
        """The reply of the first call may be lost."""
        assert keys.add_api_key(FULL)
        assert keys.add_api_key(FULL)
        assert list(keys.api_keys()) == [FULL]

    def test_all_keys_are_listed_oldest_first(self, keys: StoresApiKeys) -> None:
        """Valid or not."""
        assert list(keys.api_keys()) == []
        older = replace(SHOP, name="older", digest="c3" * 32, created_at=5.0, expires_at=6.0)
        for each in (FULL, SHOP, older):
            keys.add_api_key(each)
        keys.revoke_api_key("shop", 300.0)
        assert list(keys.api_keys()) == [older, replace(SHOP, revoked_at=300.0), FULL]

    def test_a_revoked_key_is_found_as_revoked(self, keys: StoresApiKeys) -> None:
        """It keeps the time of the first revocation; no other key is changed."""
        keys.add_api_key(SHOP)
        keys.add_api_key(FULL)
        assert keys.revoke_api_key("shop", 300.125)
        assert keys.revoke_api_key("shop", 400.0)
        assert keys.api_key(SHOP.digest) == replace(SHOP, revoked_at=300.125)
        assert keys.api_key(FULL.digest) == FULL

    def test_what_is_not_there_is_not_revoked(self, keys: StoresApiKeys) -> None:
        """A name that differs in its case is another one."""
        keys.add_api_key(SHOP)
        assert [keys.revoke_api_key(name, 300.0) for name in ("Shop", "sho", "")] == [False] * 3
        assert keys.api_key(SHOP.digest) == SHOP

    def test_the_last_use_is_noted(self, keys: StoresApiKeys) -> None:
        """An earlier one, noted late by another process, does not replace it."""
        keys.add_api_key(SHOP)
        keys.add_api_key(FULL)
        for now in (300.5, 360.75, 330.0):
            keys.note_api_key_use("shop", now)
        keys.note_api_key_use("another", 999.0)
        used = replace(SHOP, used_at=360.75)
        assert list(keys.api_keys()) == [used, FULL]
        assert keys.api_key(SHOP.digest) == used

    def test_a_use_does_not_undo_a_revocation(self, keys: StoresApiKeys) -> None:
        """It may be noted later than the revocation."""
        keys.add_api_key(SHOP)
        keys.revoke_api_key("shop", 300.0)
        keys.note_api_key_use("shop", 290.0)
        assert list(keys.api_keys()) == [replace(SHOP, revoked_at=300.0, used_at=290.0)]

    def test_other_processes_see_a_change_at_once(
        self, keys: StoresApiKeys, open_storage: Callable[[], Storage]
    ) -> None:
        """If the storage is shared."""
        with closing(open_storage()) as other:
            assert isinstance(other, StoresApiKeys)
            keys.add_api_key(SHOP)
            added = other.api_key(SHOP.digest)
            keys.revoke_api_key("shop", 300.0)
            revoked = other.api_key(SHOP.digest)
            seen = (SHOP, replace(SHOP, revoked_at=300.0)) if other.is_shared else (None, None)
        assert (added, revoked) == seen

    def test_a_durable_storage_keeps_them(self, open_storage: Callable[[], Storage]) -> None:
        """An acknowledged change is there when it is opened again."""
        with closing(open_storage()) as storage:
            assert isinstance(storage, StoresApiKeys)
            storage.add_api_key(SHOP)
            storage.revoke_api_key("shop", 300.0)
        with closing(open_storage()) as again:
            assert isinstance(again, StoresApiKeys)
            found = again.api_key(SHOP.digest)
            assert found == (replace(SHOP, revoked_at=300.0) if again.is_durable else None)

    def test_of_many_who_take_a_name_at_once_one_does(self, race: StorageRace) -> None:
        """The others are refused, and the key that is stored is the winner's."""
        for number in rounds():
            rivals = [
                replace(SHOP, name=f"name-{number}", digest=f"{number:032x}{n:032x}")
                for n in range(THREADS)
            ]
            added = race([methodcaller("add_api_key", each) for each in rivals])
            assert added.count(True) == 1
            stored = [race.storage.api_key(each.digest) is not None for each in rivals]
            assert stored == added

    def test_revocations_and_uses_at_once_are_all_there(self, race: StorageRace) -> None:
        """No use that is noted meanwhile makes a key valid again."""
        for number in rounds():
            key = replace(SHOP, name=f"name-{number}", digest=f"{number:064x}")
            race.storage.add_api_key(key)
            use = partial(methodcaller, "note_api_key_use", key.name)
            revoke = methodcaller("revoke_api_key", key.name, 300.0)
            race([revoke, *[use(200.0 + n) for n in range(THREADS - 1)]])
            (stored,) = (each for each in race.storage.api_keys() if each.name == key.name)
            assert attrgetter("revoked_at", "used_at")(stored) == (300.0, 200.0 + THREADS - 2)
