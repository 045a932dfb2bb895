"""Contract tests of idempotency keys under many callers at once."""

from collections.abc import Iterator
from functools import partial
from operator import methodcaller

from facilitator.roles.storage import Storage
from facilitator.testing.races import rounds
from facilitator.testing.storage.race import THREADS, Call, RacesStorage, StorageRace

HALF = THREADS // 2
MANY = 4
TRIES = 200
KEPT = 1_000.0
"""Seconds for which bindings last. Each round is later than those of the former one."""


def _times() -> Iterator[float]:
    """Yield the time of each round: a storage's clock does not go back."""
    yield from (10 * KEPT * (1 + number) for number in rounds())


def _bind(key: str, value: str, now: float) -> Call:
    return methodcaller("bind_key", key, value, now + KEPT, now)


def _change(key: str, value: str | None, now: float) -> Call:
    return methodcaller("change_key", key, "first", value, now + KEPT)


class KeyRaces(RacesStorage):
    """The promises about idempotency keys hold for many callers at once."""

    def test_of_many_who_bind_a_key_at_once_one_does(self, race: StorageRace) -> None:
        """All callers get the same value, whether the key was never bound or no longer is.

        By other clocks a binding that is over may last.
        """
        for number, now in enumerate(_times()):
            race.show(now)
            was_bound = number % 2 == 1
            keys = [f"key {number} {n}" for n in range(MANY)]
            for key in keys if was_bound else ():
                race.storage.bind_key(key, "over", expires_at=now, now=now - 5.0)

            def bind(
                store: Storage, value: int, keys: list[str] = keys, now: float = now
            ) -> object:
                return [store.bind_key(key, f"{value}", now + KEPT, now) for key in keys]

            bound = race([partial(bind, value=n) for n in range(THREADS)], by_one=was_bound)
            assert bound == [[race.storage.bound_to(key, now) for key in keys]] * THREADS
            assert "over" not in bound[0]

    def test_of_many_who_change_a_binding_of_a_key_at_once_one_does(
        self, race: StorageRace
    ) -> None:
        """All start from the same value; the binding is the winner's."""
        for number, now in enumerate(_times()):
            race.show(now)
            key = f"key {number}"
            race.storage.bind_key(key, "first", now + KEPT, now)
            changed = race([_change(key, f"request {n}", now) for n in range(THREADS)])
            assert changed.count(True) == 1
            assert race.storage.bound_to(key, now) == f"request {changed.index(True)}"

    def test_of_change_and_removal_of_a_key_at_once_one_happens(self, race: StorageRace) -> None:
        """The callers that remove it all succeed, or all fail."""
        for number, now in enumerate(_times()):
            race.show(now)
            key = f"key {number}"
            race.storage.bind_key(key, "first", now + KEPT, now)
            changes = [_change(key, f"request {n}", now) for n in range(HALF)]
            done = race([*changes, *[_change(key, None, now)] * HALF])
            changed, removed = done[:HALF], done[HALF:]
            assert removed == [True not in changed] * HALF
            assert changed.count(True) == (not removed[0])
            left = f"request {changed.index(True)}" if True in changed else None
            assert race.storage.bound_to(key, now) == left

    def test_a_removal_of_a_key_spares_the_next_binding(self, race: StorageRace) -> None:
        """A caller that removes the former value never removes another one's."""
        for number, now in enumerate(_times()):
            race.show(now)
            key = f"key {number}"
            race.storage.bind_key(key, "first", now + KEPT, now)

            def bind(store: Storage, key: str = key, now: float = now) -> str:
                for _ in range(TRIES):
                    bound = store.bind_key(key, "second", now + KEPT, now)
                    if bound != "first":
                        break
                return bound

            bound, *_ = race([bind, *[_change(key, None, now)] * (THREADS - 1)])
            assert race.storage.bound_to(key, now) == (None if bound == "first" else bound)

    def test_the_end_of_a_key_spares_the_next_binding(self, race: StorageRace) -> None:
        """Whatever drops a binding that is over never drops, nor mixes it with, a later one."""
        for number, now in enumerate(_times()):
            race.show(now)
            keys = [f"key {number} {n}" for n in range(MANY)]
            for key in keys:
                race.storage.bind_key(key, "first", now, now - 5.0)

            def look(store: Storage, keys: list[str] = keys, now: float = now) -> object:
                return [store.bound_to(key, now) for key in keys]

            def bind(store: Storage, keys: list[str] = keys, now: float = now) -> object:
                return [store.bind_key(key, "second", now + KEPT, now) for key in keys]

            other = _bind(f"other {number}", "another", now)
            bound, _, *found = race([bind, other, *[look] * (THREADS - 2)], by_one=True)
            assert bound == ["second"] * MANY
            assert {value for values in found for value in values} <= {None, "second"}
            assert [race.storage.bound_to(key, now) for key in keys] == bound
