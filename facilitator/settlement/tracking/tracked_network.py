"""The values that the parts of a tracker share: one network's chain, its claims, the clock."""

from collections.abc import Callable
from dataclasses import dataclass

from facilitator.chain.followed_chain import FollowedChain
from facilitator.clock import Clock
from facilitator.roles.claim import Claim
from facilitator.roles.storage import Storage
from facilitator.settlement.tracking.claim_leases import ClaimLeases
from facilitator.settlement.tracking.claim_writer import ClaimWriter
from facilitator.settlement.tracking.given_up import GivenUp
from facilitator.settlement.tracking.pending_settlements import PendingSettlements


@dataclass(frozen=True, slots=True)
class TrackedNetwork:
    """One network whose pending settlements are tracked, and the storage of their claims."""

    chain: FollowedChain
    storage: Storage
    clock: Clock
    leases: ClaimLeases
    pending: PendingSettlements
    writer: ClaimWriter
    given_up: GivenUp
    on_change: Callable[[Claim], None]


def tracked_network(
    chain: FollowedChain,
    storage: Storage,
    clock: Clock,
    lease_seconds: float,
    on_change: Callable[[Claim], None],
) -> TrackedNetwork:
    """Return the network without any pending settlement; ``on_change`` gets every new state."""
    pending, given_up = PendingSettlements(), GivenUp()
    writer = ClaimWriter(storage, pending, given_up, clock, on_change)
    leases = ClaimLeases(clock, lease_seconds)
    return TrackedNetwork(chain, storage, clock, leases, pending, writer, given_up, on_change)
