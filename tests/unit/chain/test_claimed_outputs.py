"""The outputs that a settlement has made, by its claim."""

from dataclasses import replace

import pytest

from facilitator.chain.claimed_outputs import made_outputs
from facilitator.roles.claim import UNKNOWN_ANSWER, Claim, ClaimState
from facilitator.testing.running import NOW
from support.tracked import change_of, claim_on

SUBMITTED = claim_on(0, ClaimState.SUBMITTED, NOW)
ID = bytes.fromhex(SUBMITTED.transaction_id)


@pytest.mark.parametrize("state", [ClaimState.INCLUDED, ClaimState.SETTLED, ClaimState.SUBMITTED])
def test_one_that_was_found_valid_shows_them(state: ClaimState) -> None:
    (change,) = change_of(SUBMITTED).values()
    assert change in made_outputs(replace(SUBMITTED, state=state), ID)


@pytest.mark.parametrize(
    "claim",
    [
        None,
        replace(SUBMITTED, state=ClaimState.CLAIMED),
        replace(SUBMITTED, state=ClaimState.REJECTED),
        replace(SUBMITTED, state=ClaimState.EXPIRED),
        replace(SUBMITTED, answer=UNKNOWN_ANSWER),
        replace(SUBMITTED, transaction=b""),
        claim_on(1, ClaimState.SUBMITTED, NOW),
    ],
)
def test_any_other_one_shows_none(claim: Claim | None) -> None:
    """It was not judged, it was found on the chain, it is damaged, or it is another one's."""
    assert made_outputs(claim, ID) == ()
