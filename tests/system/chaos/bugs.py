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
    """What is submitted is written down nowhere, and nobody notices."""

    def submit(self: SettlementCoordinator, payment: Payment, deadline: float) -> Claim:  # noqa: ARG001
        self._judge(payment)
        claim = replace(self._new_claim(payment, ""), state=ClaimState.SUBMITTED)
        return self._trackers[claim.network].submit(claim).claim

    vars(coordinator)["SettlementCoordinator"]._claim = submit
    vars(recovery)["Recovery"].notice = lambda *_: None


def claim_for_ever() -> None:
    """Nobody takes over what its owner claimed, who is gone and never submitted it."""
    new_claim = SettlementCoordinator._new_claim

    def for_ever(self: SettlementCoordinator, payment: Payment, owner: str) -> Claim:
        return replace(new_claim(self, payment, owner), lease_until=FOR_EVER)

    vars(coordinator)["SettlementCoordinator"]._new_claim = for_ever


def tell_everybody() -> None:
    """Whoever asks for a payment that was told is told again."""

    def tell(claim: Claim, answer: bytes, caller: SettleRequest) -> SettleResponse:  # noqa: ARG001
        return responses.repeated(answer)

    result_delivery._told_before = tell


def count_too_far() -> None:
    """A block seems to have more blocks on top than it has."""
    include = transitions.include

    def eager(where: InBlock, tip_height: int, now: float) -> Step:
        return include(where, tip_height + 20, now)

    transitions.include = eager


BUGS: Mapping[str, Callable[[], None]] = {
    each.__name__: each for each in (skip_the_claim, claim_for_ever, tell_everybody, count_too_far)
}
