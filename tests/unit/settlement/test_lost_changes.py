"""A storage that has lost what was written last, as after a failover: older claims, not fewer."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from facilitator.roles.claim import Claim, ClaimState
from facilitator.settlement import transitions
from facilitator.settlement.tracking.pending_settlement import PendingSettlement
from facilitator.settlement.tracking.recovery import Recovery
from facilitator.testing.examples import example_claim
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NOW, Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_memory.storage import MemoryStorage
from support.tracked import claim_on

PENDING = "settlement_pending"
DUPLICATE = "duplicate_settlement"

Body = dict[str, Any]


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(settlement__wait_seconds=0, settlement__lease_seconds=2)


def goes_back(storage: Any, claim: Claim) -> None:
    """Have the storage hold the claim as it was."""
    storage._claims[claim.transaction_id] = claim


def test_an_older_claim_than_the_newest_is_missed_as_well(running: Running) -> None:
    payer, storage = Payer(running), running.facilitator.storage
    bodies = [payer.body(), payer.body()]
    for body in bodies:
        assert running.settle(body)["errorReason"] == PENDING
    before = storage.claim(transaction_id(bodies[0]))
    assert before is not None
    running.next_block()
    for body in bodies:
        running.settle_until(body, lambda answer: "confirmations" in answer["extra"])
    goes_back(storage, before)
    assert running.clock is not None
    running.clock.advance(3)  # to the next look at what is open
    eventually(lambda: storage.claim(before.transaction_id) != before)
    running.next_block()
    for body in bodies:
        running.settle_until(body, lambda answer: answer["success"])


def test_what_was_told_of_a_claim_made_anew_is_kept(devnet: Devnet) -> None:
    """Under other requirements, which promised less than the claim that was lost."""
    storage = MemoryStorage()
    claim = claim_on(0, ClaimState.SUBMITTED, NOW)
    devnet.submit(claim.transaction)
    devnet.produce_block()
    told = replace(claim, requirements="others", confirmations=0, state=ClaimState.SETTLED)
    told = storage.add_claim(replace(told, answer=b"{}", answer_key="another"))
    observation = PendingSettlement(claim.changed().changed())
    assert Recovery(storage, devnet).restore(observation) == told
    assert storage.claim(claim.transaction_id) == told
    assert observation.claim == told


def test_who_knows_a_version_that_was_lost_tells_nobody(storage: MemoryStorage) -> None:
    """It was settled twice over, each time as version 1, and told once."""
    claim = storage.add_claim(example_claim(state=ClaimState.SUBMITTED))
    lost, again = (claim.changed(state=ClaimState.SETTLED) for _ in range(2))
    assert storage.change_claim(again)
    tell = transitions.deliver(transitions.Receipt(b"{}", "another", "", ""), NOW)
    assert transitions.advance(storage, again, tell).by_us
    ours = transitions.deliver(transitions.Receipt(b"{}", "ours", "", ""), NOW)
    late = transitions.advance(storage, lost, ours)
    assert not late.by_us
    assert late.claim is not None
    assert late.claim.answer_key == "another"


def left_by_another(running: Running, body: Body, **fields: Any) -> None:
    """A claim on the payment by a process that has ended since."""
    claim = example_claim(transaction_id=transaction_id(body), **fields)
    running.facilitator.storage.add_claim(claim)


def test_a_claim_that_is_taken_over_becomes_ones_own(running: Running) -> None:
    """Another left it, on the same body with bytes that no node takes and for another price."""
    body = Payer(running).body()
    left_by_another(running, body, lease_until=NOW + 1, amount="1")
    assert running.clock is not None
    running.clock.advance(2)
    assert running.settle(body)["errorReason"] == PENDING
    running.next_block()
    running.next_block()
    answer = running.settle_until(body, lambda answer: answer["success"])
    assert answer["amount"] == body["paymentRequirements"]["amount"]
    assert running.settle(body)["errorReason"] == DUPLICATE


def test_a_claim_on_a_network_that_is_not_served_any_more(running: Running) -> None:
    body = Payer(running).body()
    rejected = {"state": ClaimState.REJECTED, "network": "cardano:preview", "error": "refused"}
    left_by_another(running, body, **rejected)
    status, told = running.call("GET", f"/status/{transaction_id(body)}")
    assert (status, told["status"], told["network"]) == (200, "rejected", "cardano:preview")
    assert running.settle(body)["extra"]["status"] == "rejected"
