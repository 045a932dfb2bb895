"""Contract tests that every storage must pass.

Subclass :class:`StorageContract` in a test module and give it the fixture ``open_storage``, a
function that opens the same storage, empty at first, each time it is called::

    class TestMyStorage(StorageContract):
        @pytest.fixture
        def open_storage(self, tmp_path: Path) -> Callable[[], Storage]:
            return lambda: MyStorage(tmp_path / "my.db")

A storage that shares its knowledge of chains runs :class:`SharesChainContract` as well, with the
same fixture: ``class TestMyStorage(StorageContract, SharesChainContract)``; one that shares outputs
runs :class:`SharesOutputsContract` in its place. One that keeps API keys runs
:class:`StoresApiKeysContract`, and one that changes claims and holds inputs in one step
:class:`HoldsWithClaimContract`.

The fixture ``cut`` is a function that cuts the storage's back end: it stops the server, or takes
the file away. Without it the tests of an outage are skipped. The fixture ``spoil`` is a function
that makes one claim unreadable.

The tests close each storage that they open. Many call it from 8 threads at once, round after round;
a storage that says that it is shared is opened twice for them. All together take some seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.storage import Storage
from facilitator.testing.examples import example_claim, example_reservation
from facilitator.testing.start import check_as_at_start
from facilitator.testing.storage.api_keys import StoresApiKeysContract
from facilitator.testing.storage.claim_races import ClaimRaces
from facilitator.testing.storage.claims import ClaimContract
from facilitator.testing.storage.holding import HoldsWithClaimContract
from facilitator.testing.storage.key_races import KeyRaces
from facilitator.testing.storage.keys import KeyContract
from facilitator.testing.storage.outage import OutageContract
from facilitator.testing.storage.reservation_races import ReservationRaces
from facilitator.testing.storage.reservations import ReservationContract
from facilitator.testing.storage.sharing import SharesChainContract, SharesOutputsContract
from facilitator.testing.storage.values import ValueContract

__all__ = [
    "HoldsWithClaimContract",
    "SharesChainContract",
    "SharesOutputsContract",
    "StorageContract",
    "StoresApiKeysContract",
]


class StorageContract(
    ClaimContract,
    ReservationContract,
    KeyContract,
    ValueContract,
    ClaimRaces,
    ReservationRaces,
    KeyRaces,
    OutageContract,
):
    """All promises of :class:`~facilitator.roles.storage.Storage`."""

    @pytest.fixture
    def open_storage(self) -> Callable[[], Storage]:
        """Return a function that opens the storage under test; a subclass defines it."""
        raise NotImplementedError("define the fixture open_storage")

    @pytest.fixture
    def storage(self, open_storage: Callable[[], Storage]) -> Iterator[Storage]:
        """Yield the storage under test, and close it afterwards."""
        storage = open_storage()
        yield storage
        storage.close()

    def test_the_start_takes_the_storage(self, storage: Storage) -> None:
        """It has every method, and each takes the arguments of the protocol by their names."""
        check_as_at_start("storage", storage)

    def test_a_storage_that_works_answers_a_ping(self, storage: Storage) -> None:
        """``ping`` returns, before and after the first record."""
        storage.ping()
        storage.add_claim(example_claim())
        storage.ping()

    def test_a_storage_is_shared_if_it_says_so(
        self, storage: Storage, open_storage: Callable[[], Storage]
    ) -> None:
        """A second one, opened on the same records, sees them if the storage is shared.

        The first one sees then what the second has changed, though it has read the former.
        """
        claim, reservation = example_claim(), example_reservation()
        storage.add_claim(claim)
        storage.reserve(reservation, now=0.0, limit=1)
        storage.bind_key("key", "first", expires_at=100.0, now=0.0)
        storage.bind_key("taken back", "first", expires_at=100.0, now=0.0)
        assert storage.claim(claim.transaction_id) == claim
        assert storage.bound_to("taken back", now=0.0) == "first"

        changed = claim.changed(state=ClaimState.SUBMITTED)
        other = open_storage()
        try:
            seen = (
                other.claim(claim.transaction_id) == claim,
                other.reserve(replace(reservation, transaction_id="another"), 0.0, 1) is not None,
                other.bind_key("key", "second", expires_at=100.0, now=0.0) == "first",
                other.change_claim(changed),
                storage.claim(claim.transaction_id) == changed,
                other.change_key("taken back", "first", None, 0.0)
                and storage.bound_to("taken back", now=0.0) is None,
            )
        finally:
            other.close()

        assert seen[:5] == (storage.is_shared,) * 5
        assert seen[5] or not storage.is_shared

    def test_what_a_durable_storage_acknowledged_is_there_when_it_is_opened_again(
        self, open_storage: Callable[[], Storage]
    ) -> None:
        """A durable storage loses nothing when it is closed: neither what was added nor a change.

        A delivery that is lost would be made again.
        """
        claim, removed = example_claim(), example_claim(transaction_id="c2" * 32)
        storage = open_storage()
        for each in (claim, removed):
            storage.add_claim(each)
        delivered = claim.changed(state=ClaimState.SETTLED, answer=b"{}", answer_key="a1" * 32)
        storage.change_claim(delivered)
        storage.remove_claim(removed)
        storage.reserve(example_reservation(), now=0.0, limit=1)
        for key in ("bound", "changed", "freed"):
            storage.bind_key(key, "first", expires_at=100.0, now=0.0)
        storage.change_key("changed", "first", "second", 100.0)
        storage.change_key("freed", "first", None, 0.0)
        is_durable = storage.is_durable
        storage.close()

        again = open_storage()
        try:
            kept = (
                again.claim(claim.transaction_id) == delivered,
                again.claim(removed.transaction_id) is None,
                again.is_reserved(claim.transaction_id, now=0.0),
                [again.bound_to(each, now=0.0) for each in ("bound", "changed", "freed")]
                == ["first", "second", None],
            )
        finally:
            again.close()
        assert kept == (True,) * 4 or not is_durable
