"""One settlement that cannot be read or looked up ends no look at the others."""

from typing import Any

import pytest

from facilitator.roles.chain import Spent, TransactionStatus
from facilitator.roles.chain_errors import NotFoundSince
from facilitator.roles.claim import Claim, ClaimState
from facilitator.roles.storage import StorageUnavailable
from facilitator.settlement.tracking.pending_settlement import PendingSettlement
from facilitator.settlement.tracking.recovery import Recovery
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import claim_on


def spoil(storage: MemoryStorage, spoilt: Claim) -> None:
    """Have a newer process write the claim, in a form that this one cannot read."""
    read, read_open = storage.claim, storage.open_claims

    def claim(transaction_id: str) -> Claim | None:
        if transaction_id == spoilt.transaction_id:
            raise StorageUnavailable("the storage holds a record that cannot be read")
        return read(transaction_id)

    def open_claims() -> Any:
        return [each for each in read_open() if each.transaction_id != spoilt.transaction_id]

    storage.claim = claim  # type: ignore[method-assign]
    storage.open_claims = open_claims  # type: ignore[method-assign]


def test_what_others_left_is_taken_up_all_the_same(
    tracker: Tracker, storage: MemoryStorage
) -> None:
    own = storage.add_claim(claim_on(0, ClaimState.SUBMITTED, NOW + 60))
    tracker.track(own)
    spoil(storage, own)
    left = storage.add_claim(claim_on(1, ClaimState.SUBMITTED, NOW - 1))
    tracker.start()
    eventually(lambda: tracker.find(left.transaction_id) is not None)
    assert tracker.find(own.transaction_id) is not None


@pytest.mark.parametrize("number", range(3))
def test_a_settlement_that_cannot_be_looked_up_is_restored_later(
    devnet: Devnet, storage: MemoryStorage, number: int
) -> None:
    """The storage was emptied, and the provider does not know one of the transactions."""
    status_of, claims = (
        devnet.transaction,
        [claim_on(each, ClaimState.SUBMITTED, NOW) for each in range(3)],
    )
    every = [PendingSettlement(claim) for claim in claims]
    not_known = claims[number]

    def unknown(transaction_id: str) -> TransactionStatus:
        if transaction_id == not_known.transaction_id:
            raise NotFoundSince(7)
        return status_of(transaction_id)

    devnet.transaction = unknown  # type: ignore[method-assign]
    devnet.outputs = lambda refs: dict.fromkeys(refs, Spent())  # type: ignore[method-assign]
    recovery = Recovery(storage, devnet)
    for each in every:
        each.mark_missing()
    recovery.restore_missing(every)
    stored = [storage.claim(each.transaction_id) for each in claims]
    assert [each is None for each in stored] == [each is not_known for each in claims]
    devnet.transaction = status_of  # type: ignore[method-assign]
    every[number].mark_missing()
    recovery.restore_missing(every)
    assert storage.claim(not_known.transaction_id) is not None


@pytest.mark.parametrize("number", range(2))
def test_a_claim_that_cannot_be_read_is_not_missing(
    devnet: Devnet, storage: MemoryStorage, number: int
) -> None:
    claims = [claim_on(each, ClaimState.SUBMITTED, NOW) for each in range(2)]
    every = [PendingSettlement(claim) for claim in claims]
    spoil(storage, claims[number])
    for each in every:
        each.mark_missing()
    Recovery(storage, devnet).restore_missing(every)
    assert [*storage._claims] == [claims[1 - number].transaction_id]
