"""While no blocks are seen: how deep a transaction is, by providers that take over in between."""

from dataclasses import replace

import pytest

from facilitator.roles.chain import Tip, TransactionStatus
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.claim import ClaimState
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import claim_on, state_of


@pytest.mark.parametrize("ahead", [0, 5])
def test_a_block_is_as_deep_as_the_provider_that_has_it_says(
    tracker: Tracker, devnet: Devnet, storage: MemoryStorage, ahead: int
) -> None:
    """The first one's tip is ahead. Then it fails, and a standby shows the block as its newest."""
    claim = replace(claim_on(0, ClaimState.SUBMITTED, NOW - 1), confirmations=2)
    storage.add_claim(claim)
    devnet.submit(claim.transaction)
    devnet.produce_block()
    newest, status_of, follower = devnet.tip, devnet.transaction, tracker._follower
    has_failed_over: list[str] = []

    def tip() -> Tip:
        found = newest()
        is_first = follower.tip is not None and not has_failed_over
        return found._replace(height=found.height + ahead) if is_first else found

    def transaction(transaction_id: str) -> TransactionStatus:
        has_failed_over.append(transaction_id)
        return status_of(transaction_id)

    def unseen(*_: object) -> None:
        raise ChainUnavailable("no blocks can be seen")

    devnet.tip, devnet.transaction = tip, transaction  # type: ignore[method-assign]
    devnet.blocks_after = unseen  # type: ignore[method-assign, assignment]
    for _ in range(2):
        follower.sight.lose("no blocks can be seen")
    tracker.start()
    tracker.track(claim)
    eventually(lambda: state_of(storage, claim) is not ClaimState.SUBMITTED)
    assert state_of(storage, claim) is ClaimState.INCLUDED
