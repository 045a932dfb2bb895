"""The contract of storages catches what forgets a change, and what goes on showing the former."""

from typing import Any

import pytest

from facilitator.roles.claim import Claim
from facilitator.roles.storage import Reservation, ReservedElsewhere
from facilitator.testing.payment_ledger import RecordsPaymentsContract
from facilitator.testing.storage import StorageContract
from facilitator_memory.storage import MemoryStorage

Tables = dict[str, Any]


class Kept(MemoryStorage):
    """A storage whose records are seen by whoever opens it again."""

    is_shared = is_durable = True
    forgets = ""

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        self._tables = tables
        for name, value in list(vars(self).items()):
            if isinstance(value, dict) and value is not tables:
                setattr(self, name, tables.setdefault(name, value))

    def close(self) -> None:
        """Forget what the bug does not write."""
        self._tables.pop(self.forgets, None)


class ForgetsChanges(Kept):
    """Writes a claim when it is added, and not when it is changed."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self._added: dict[str, Claim] = {}

    def add_claim(self, claim: Claim) -> Claim:
        return self._added.setdefault(claim.transaction_id, super().add_claim(claim))

    def remove_claim(self, claim: Claim) -> bool:
        self._added.pop(claim.transaction_id, None)
        return super().remove_claim(claim)

    def close(self) -> None:
        self._tables["_claims"] = self._added


class ForgetsKeys(Kept):
    forgets = "_keys"


class ForgetsHolds(Kept):
    forgets = "_reservations"


class RemembersReads(Kept):
    """Shows a claim as it was read first."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self._read: list[Claim] = []

    def claim(self, transaction_id: str) -> Claim | None:
        found = super().claim(transaction_id)
        known = [each for each in self._read if each.transaction_id == transaction_id]
        if found is not None and not known:
            self._read.append(found)
        return known[0] if known else found


def restart(kind: type[Kept]) -> None:
    tables: Tables = {}
    StorageContract().test_what_a_durable_storage_acknowledged_is_there_when_it_is_opened_again(
        lambda: kind(tables)
    )


@pytest.mark.parametrize("kind", [ForgetsChanges, ForgetsKeys, ForgetsHolds])
def test_what_is_forgotten_is_caught(kind: type[Kept]) -> None:
    with pytest.raises(AssertionError):
        restart(kind)


def share(kind: type[Kept]) -> None:
    tables: Tables = {}
    StorageContract().test_a_storage_is_shared_if_it_says_so(kind(tables), lambda: kind(tables))


def test_a_claim_that_is_remembered_though_another_changed_it_is_caught() -> None:
    with pytest.raises(AssertionError):
        share(RemembersReads)


def test_what_is_kept_and_shared_is_not_caught() -> None:
    restart(Kept)
    share(Kept)


class RecordsNoHolds(MemoryStorage):
    """Leaves out of its ledger what is changed together with a hold."""

    def change_claim_and_hold(
        self, claim: Claim, reservation: Reservation, now: float
    ) -> ReservedElsewhere | bool:
        held = self.reserve(reservation, now, 99)
        if isinstance(held, ReservedElsewhere):
            return held
        self._claims[claim.transaction_id] = claim
        return True


def test_an_event_that_is_left_out_is_caught() -> None:
    contract = RecordsPaymentsContract()
    contract.test_a_change_with_a_hold_is_an_event(MemoryStorage())
    with pytest.raises(ValueError, match="not enough values"):
        contract.test_a_change_with_a_hold_is_an_event(RecordsNoHolds())
