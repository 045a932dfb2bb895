"""The contract of storages catches each method that is a look and then a change.

With ``FACILITATOR_TEST_RUNS`` each is looked for that often, and has to be found every time.
"""

import inspect
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from facilitator.plugin import RecordsPayments, StoresApiKeys
from facilitator.testing.storage import HoldsWithClaimContract, StorageContract
from facilitator.testing.storage.race import racing
from facilitator.testing.storage.sharing_races import OutputRaces
from support.planted import PLANTED, Sharing

pytestmark = pytest.mark.once

RUNS = int(os.environ.get("FACILITATOR_TEST_RUNS", "0")) or 1
TRIES = 1 if RUNS > 1 else 9
"""One is enough nearly always. No other machine's load shall fail the test."""


def races() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every test of the contract that races."""
    for contract in (StorageContract, HoldsWithClaimContract, OutputRaces):
        for name, test in inspect.getmembers(contract(), inspect.ismethod):
            if name.startswith("test_") and "race" in inspect.signature(test).parameters:
                yield name, test


RACES = dict(races())


CATCHES = {
    "add_claim": "test_of_many_who_claim_at_once_one_does",
    "claim": "test_a_claim_is_read_whole_while_it_changes",
    "change_claim": "test_of_many_who_change_a_claim_at_once_one_does",
    "change_claim_and_hold": "test_of_many_over_one_input_one_is_submitted",
    "remove_claim": "test_of_change_and_removal_of_a_claim_at_once_one_happens",
    "open_claims": "test_open_claims_are_listed_whole_while_they_change",
    "forget_claims": "test_a_claim_that_is_opened_again_is_not_forgotten",
    "reserve": "test_of_many_who_reserve_an_input_at_once_one_does",
    "reserve (drops)": "test_a_reservation_that_is_replaced_is_held_all_the_time",
    "release": "test_a_release_spares_the_next_reservation",
    "cancel": "test_of_many_who_cancel_a_reservation_at_once_one_does",
    "is_reserved": "test_the_end_of_a_reservation_spares_one_that_was_prolonged",
    "bound_to": "test_the_end_of_a_key_spares_the_next_binding",
    "bound_to (drops)": "test_the_end_of_a_key_spares_the_next_binding",
    "bind_key": "test_of_many_who_bind_a_key_at_once_one_does",
    "change_key": "test_of_change_and_removal_of_a_key_at_once_one_happens",
    "lead": "test_of_a_prolonged_lead_and_another_one_lasts",
    "resign": "test_who_resigns_spares_the_next_leader",
    "publish": "test_of_many_who_publish_at_once_one_does",
    "published": "test_entries_are_read_whole_while_others_are_published",
    "share_outputs": "test_outputs_are_shared_all_at_once",
    "shared_outputs": "test_outputs_are_shared_all_at_once",
}
"""The test that catches each planted method; others may catch it as well."""


def fails(name: str, make: Callable[[], Callable[[], Sharing]]) -> bool:
    """Run that test; ``make`` makes what opens a new storage, again and again."""
    with racing(make()) as race:
        try:
            RACES[name](race)
        except Exception:
            return True
    return False


def always_the_same(kind: type[Sharing]) -> Callable[[], Callable[[], Sharing]]:
    def make() -> Callable[[], Sharing]:
        storage = kind()
        return lambda: storage

    return make


def with_locks_of_its_own() -> Callable[[], Sharing]:
    """Openings of one storage that keep only their own callers apart."""
    storage = Sharing()

    def open_it() -> Sharing:
        opened = Sharing()
        own = {"_lock": threading.Lock(), "_holding": threading.Lock()}
        opened.__dict__.update(storage.__dict__, **own)
        return opened

    return open_it


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("name", PLANTED)
def test_a_storage_that_is_not_atomic_is_caught(name: str, run: int) -> None:  # noqa: ARG001
    make = always_the_same(PLANTED[name])
    assert any(fails(CATCHES[name], make) for _ in range(TRIES))


def test_a_lock_in_each_process_is_caught() -> None:
    name = CATCHES["change_claim"]
    assert any(fails(name, with_locks_of_its_own) for _ in range(TRIES))


@pytest.mark.parametrize("name", RACES)
def test_an_atomic_storage_is_not_caught(name: str) -> None:
    assert not fails(name, always_the_same(Sharing))


def test_every_method_that_changes_something_is_planted() -> None:
    planted = {name.split()[0] for name in PLANTED}
    methods = {name for name, _ in inspect.getmembers(Sharing, inspect.isfunction)}
    elsewhere = {*vars(StoresApiKeys), *vars(RecordsPayments), "ping", "close"}
    assert {name for name in methods if name[0] != "_"} - elsewhere == planted
    assert {*CATCHES} == {*PLANTED}
