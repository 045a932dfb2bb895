"""Bugs that the suite must find: ``program.py`` plants one of them in a facilitator's process."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from facilitator.exact.payment import Payment
from facilitator.roles.chain import InBlock
from facilitator.roles.claim import Claim, ClaimState
from facilitator.settlement import coordinator, responses, result_delivery, transitions
from facilitator.settlement.coordinator import SettlementCoordinator
from facilitator.settlement.settle_request import SettleRequest
from facilitator.settlement.tracking import recovery
from facilitator.settlement.transitions import Step
from facilitator.x402.messages import SettleResponse

FOR_EVER = 1e11
"""A time, in Unix seconds, that does not come."""


def skip_the_claim() -> None:
    """A submission is written down nowhere, and no process notices."""

    def submit(self: SettlementCoordinator, payment: Payment, deadline: float) -> Claim:  # noqa: ARG001
        self._judge(payment)
        claim = replace(self._new_claim(payment, ""), state=ClaimState.SUBMITTED)
        return self._trackers[claim.network].submit(claim).claim

    vars(coordinator)["SettlementCoordinator"]._claim = submit
    vars(recovery)["Recovery"].restore_missing = lambda *_: None


def claim_for_ever() -> None:
    """No process takes over a claim whose owner is gone and never submitted it."""
    new_claim = SettlementCoordinator._new_claim

    def for_ever(self: SettlementCoordinator, payment: Payment, owner: str) -> Claim:
        return replace(new_claim(self, payment, owner), lease_until=FOR_EVER)

    vars(coordinator)["SettlementCoordinator"]._new_claim = for_ever


def deliver_to_every_caller() -> None:
    """Every caller receives a success that was delivered before."""

    def deliver(claim: Claim, request: SettleRequest) -> SettleResponse:  # noqa: ARG001
        return responses.repeated(claim.answer or b"")

    result_delivery.already_delivered = deliver


def count_too_far() -> None:
    """A block seems to have more blocks on top than it has."""
    include = transitions.include

    def eager(where: InBlock, tip_height: int, now: float) -> Step:
        return include(where, tip_height + 20, now)

    transitions.include = eager


BUGS: Mapping[str, Callable[[], None]] = {
    each.__name__: each
    for each in (skip_the_claim, claim_for_ever, deliver_to_every_caller, count_too_far)
}
