"""The contract of storages catches values that are cut or mixed up, and errors of a driver."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from facilitator.roles.claim import Claim
from facilitator.roles.storage import Reservation, Storage, StorageUnavailable
from facilitator.testing.storage import StorageContract
from facilitator.testing.storage.outage import OutageContract
from facilitator.testing.storage.reservations import ReservationContract
from facilitator.testing.storage.values import ValueContract
from facilitator_memory.storage import MemoryStorage
from support.contracts import failures


class Cut(MemoryStorage):
    """A storage that changes what it keeps of claims and keys."""

    def __init__(self, cut: Callable[[Any], Any]) -> None:
        super().__init__()
        self._cut = cut

    def add_claim(self, claim: Claim) -> Claim:
        kept = {name: self._cut(getattr(claim, name)) for name in claim.__slots__}
        return super().add_claim(replace(claim, **kept))

    def bind_key(self, key: str, value: str, expires_at: float, now: float) -> str:
        return super().bind_key(self._cut(key), self._cut(value), expires_at, now)


def text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: change(value) if type(value) is str else value


CUTS = {
    "NUL ends a text": text(lambda value: value.split("\0")[0]),
    "spaces are trimmed": text(lambda value: value.rstrip(" ")),
    "letters are folded": text(str.lower),
    "three bytes a character": text(lambda value: "".join(c for c in value if ord(c) < 65536)),
    "long texts are cut": text(lambda value: value[:255]),
    "signed slots": lambda value: min(value, 2**63 - 1) if type(value) is int else value,
    "32 bits": lambda value: value % 2**32 if type(value) is int else value,
    "single precision": lambda value: round(value, 3) if type(value) is float else value,
    "empty is null": lambda value: None if value in ("", b"") else value,
    "null is empty": lambda value: "" if value is None else value,
    "bytes are cut": lambda value: value[:65_535] if type(value) is bytes else value,
}  # fmt: skip


def failing(make: Callable[[], Storage]) -> set[str]:
    """The tests of values that the storage fails."""
    return failures(ValueContract, {"storage": make})


@pytest.mark.parametrize("name", CUTS)
def test_a_storage_that_cuts_values_is_caught(name: str) -> None:
    assert failing(lambda: Cut(CUTS[name]))


def test_a_storage_that_keeps_values_is_not_caught() -> None:
    assert failing(MemoryStorage) == set()


class Raw(MemoryStorage):
    """A storage over a driver whose errors it passes on, from one method."""

    def __init__(self, method: str, error: type[Exception]) -> None:
        super().__init__()
        self._method, self._error = method, error
        self.is_cut = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name[0] == "_" or name == "is_cut" or not callable(found) or not self.is_cut:
            return found
        kind = self._error if name == self._method else StorageUnavailable
        return lambda *_, **__: raise_(kind("server closed the connection"))


def raise_(error: Exception) -> None:
    raise error


METHODS = [
    name
    for name, _ in inspect.getmembers(MemoryStorage, inspect.isfunction)
    if name[0] != "_" and name not in ("close", "payment_ledger")
]


def outage(storage: Raw) -> None:
    OutageContract().test_a_storage_that_is_cut_off_says_so(
        storage, lambda: setattr(storage, "is_cut", True)
    )


@pytest.mark.parametrize("method", METHODS)
def test_an_error_of_a_driver_is_caught(method: str) -> None:
    with pytest.raises(AssertionError, match=f"{method}.*ConnectionResetError"):
        outage(Raw(method, ConnectionResetError))


def test_an_outage_that_is_named_is_not_caught() -> None:
    outage(Raw("", ValueError))


class Renamed(MemoryStorage):
    def reserve(self, r: Any, now: float, limit: int) -> Any:
        return super().reserve(r, now, limit)


def test_a_method_that_the_start_refuses_is_caught() -> None:
    with pytest.raises(AssertionError, match="reserve does not take reservation, now, limit"):
        StorageContract().test_the_start_takes_the_storage(Renamed())


class NamesAny(MemoryStorage):
    """A storage that names any holder of an input."""

    def _rivals(self, reservation: Reservation) -> Any:
        return super()._rivals(reservation)[:1]


def test_a_storage_that_names_any_holder_is_caught() -> None:
    found = failures(ReservationContract, {"storage": NamesAny})
    assert "test_a_settlement_is_named_before_a_verified_payment" in found
