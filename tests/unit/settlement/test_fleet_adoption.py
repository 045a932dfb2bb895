"""Of a fleet one process follows what others left: the work does not grow with its size."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from facilitator.cardano.transaction import OutputRef
from facilitator.chain import followed_chain, utxo_cache
from facilitator.chain.followed_chain import FollowedChain, build_followed_chain
from facilitator.roles.chain import OutputStatus, Spent, Unspent
from facilitator.roles.claim import Claim, ClaimState
from facilitator.settlement.tracking.tracker import Tracker
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet
from facilitator_sqlite.storage import SqliteStorage
from support.applied import AppliedBlocks
from support.polled import PolledChain
from support.tracked import change_of, claim_on, claim_over, state_of

pytestmark = pytest.mark.once

LEASE_SECONDS = 1.0


class Process:
    """A tracker with its own view of the chain and of the shared storage."""

    def __init__(self, devnet: Devnet, clock: ManualClock, path: Path) -> None:
        self.faults: list[BaseException] = []
        self.storage = SqliteStorage(str(path))
        self.scans = 0
        self._open_claims = self.storage.open_claims
        self.storage.open_claims = self._scan  # type: ignore[method-assign]
        self.provider = PolledChain(devnet)
        self.chain: FollowedChain = build_followed_chain(
            self.provider, self.storage, clock, self.faults.append
        )
        self.tracker = Tracker(
            self.chain,
            self.storage,
            clock,
            lease_seconds=LEASE_SECONDS,
            on_change=lambda _: None,
            on_correction=lambda _: None,
            on_error=self.faults.append,
        )
        self.applied = AppliedBlocks(self.chain.follower)

    def outputs(self, ref: OutputRef) -> OutputStatus:
        return self.chain.outputs.outputs([ref])[ref]

    def _scan(self) -> list[Claim]:
        self.scans += 1
        return list(self._open_claims())

    def close(self) -> None:
        self.tracker.close()
        self.storage.close()


@pytest.fixture
def processes(
    devnet: Devnet, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[Process]]:
    """Three, of which none loses the lead for being slow."""
    monkeypatch.setattr(followed_chain, "LEASE_SECONDS", 3600.0)
    with ExitStack() as stack:
        yield [
            stack.enter_context(closing(Process(devnet, clock, tmp_path / "claims.db")))
            for _ in range(3)
        ]


@pytest.fixture
def claim(devnet: Devnet, processes: list[Process]) -> Claim:
    """One that a process left whose lease is over; a node has its transaction."""
    left = replace(claim_on(0, ClaimState.SUBMITTED, NOW - 1), accepted=True, confirmations=3)
    devnet.submit(left.transaction)
    return processes[0].storage.add_claim(left)


def all_follow(processes: list[Process]) -> None:
    """Start the first, which leads, and then the others."""
    processes[0].tracker.start()
    processes[0].tracker.follow()
    follower = processes[0].chain.follower
    eventually(lambda: follower.asks and follower.feed_offset is not None)
    for other in processes[1:]:
        other.tracker.start()


def test_one_process_takes_up_what_is_open_and_another_one_when_it_has_gone(
    processes: list[Process], devnet: Devnet, claim: Claim
) -> None:
    all_follow(processes)
    leader, *others = processes
    eventually(lambda: leader.tracker.find(claim.transaction_id) is not None)
    seen = [other.scans for other in others]
    eventually(lambda: all(each.scans > was + 1 for each, was in zip(others, seen, strict=True)))
    assert [each.tracker.find(claim.transaction_id) for each in others] == [None, None]
    leader.tracker.close()
    eventually(lambda: any(each.tracker.find(claim.transaction_id) for each in others))
    for _ in range(4):
        devnet.produce_block()
    eventually(lambda: state_of(others[0].storage, claim) is ClaimState.SETTLED)
    assert [each.faults for each in processes] == [[], [], []]


def test_every_process_knows_how_deep_it_is(
    processes: list[Process], devnet: Devnet, claim: Claim
) -> None:
    """By the blocks that it follows itself, though it was another that wrote of the block."""
    all_follow(processes)
    for _ in range(3):
        devnet.produce_block()
    for each in processes:
        eventually(lambda each=each: depth_in(each, claim) == 2)  # type: ignore[misc]
    devnet.rollback(3, drop=True)
    for _ in range(3):
        devnet.produce_block()
    for each in processes:
        eventually(lambda each=each: depth_in(each, claim) is None)  # type: ignore[misc]


def test_what_settles_in_one_process_is_known_to_all_without_a_question(
    processes: list[Process], devnet: Devnet, claim: Claim
) -> None:
    """Until a block spends it, or a rollback takes the blocks back that showed it."""
    all_follow(processes)
    *_, other = processes
    other.tracker.follow()
    change = change_of(claim)
    ((ref, output),) = change.items()
    eventually(lambda: other.chain.follower.epoch is not None)
    devnet.produce_block()
    other.applied.await_newest(devnet)
    assert other.outputs(ref) == Unspent(output)
    assert other.provider.calls["outputs"] == 0

    next_payment = claim_over(change, ClaimState.SUBMITTED, NOW, amount=3_000_000)
    devnet.submit(next_payment.transaction)
    devnet.produce_block()
    other.applied.await_newest(devnet)
    assert isinstance(other.outputs(ref), Spent)
    asked = other.provider.calls["outputs"]
    assert asked == 1

    devnet.rollback(1)
    devnet.produce_block()
    other.applied.await_newest(devnet)
    assert isinstance(other.outputs(ref), Spent)
    assert other.provider.calls["outputs"] == asked + 1


def test_a_block_that_is_not_followed_here_counts_as_deep_as_was_written(
    processes: list[Process], devnet: Devnet
) -> None:
    """It may be of a fork that was left before this process began to follow."""
    for _ in range(3):
        devnet.produce_block()
    process = processes[0]
    tip = process.tracker.follow()
    included = replace(
        claim_on(0, ClaimState.INCLUDED, NOW),
        block="f0" * 32,
        block_slot=tip.point.slot - 2,
        block_height=tip.height - 2,
        depth=0,
    )
    assert process.tracker.depth(included) == 0


def test_what_was_not_judged_here_proves_no_output(
    processes: list[Process], devnet: Devnet
) -> None:
    """Anyone may have it claimed, and put it in a block with scripts that fail."""
    process = processes[0]
    process.tracker.follow()
    eventually(lambda: process.chain.follower.epoch is not None)
    claimed = claim_on(0, ClaimState.CLAIMED, NOW)
    process.storage.add_claim(claimed)
    devnet.submit(claimed.transaction)
    devnet.produce_block()
    process.applied.await_newest(devnet)
    ((ref, output),) = change_of(claimed).items()
    assert process.outputs(ref) == Unspent(output)
    assert process.provider.calls["outputs"] == 1


def test_a_payment_of_many_outputs_has_few_claims_read(
    processes: list[Process], devnet: Devnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payer decides how many it spends, and for each output of one transaction one is enough."""
    monkeypatch.setattr(utxo_cache, "MAX_CLAIMS", 2)
    process = processes[0]
    process.tracker.follow()
    eventually(lambda: process.chain.follower.epoch is not None)
    sent = [claim_on(number, ClaimState.SUBMITTED, NOW) for number in range(3)]
    for each in sent:
        process.storage.add_claim(each)
        devnet.submit(each.transaction)
    devnet.produce_block()
    process.applied.await_newest(devnet)
    refs = [OutputRef(bytes.fromhex(each.transaction_id), at) for each in sent for at in (0, 1)]
    with mock.patch.object(process.chain.outputs, "_claim_of", wraps=process.storage.claim) as read:
        found = process.chain.outputs.outputs(refs)
    assert all(isinstance(found[ref], Unspent) for ref in refs)
    assert read.call_count <= 2


def depth_in(process: Process, claim: Claim) -> int | None:
    stored = process.storage.claim(claim.transaction_id)
    assert stored is not None
    return process.tracker.depth(stored)
