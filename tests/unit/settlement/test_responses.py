"""What an answer tells of a claim."""

import pytest

from facilitator.roles.claim import ClaimState
from facilitator.roles.scheme import Answer
from facilitator.settlement import responses
from facilitator.testing.examples import example_claim


@pytest.mark.parametrize(("seen", "told"), [(None, 2), (1, 2), (2, 2), (3, 3)])
def test_a_success_tells_the_strongest_evidence(seen: int | None, told: int) -> None:
    """Another process has settled it, which may have seen more blocks than this one."""
    claim = example_claim(state=ClaimState.SETTLED, confirmations=2, depth=2)
    answer = responses.success(claim, seen, Answer("7", {"note": "mine", "status": "mine"}))
    assert answer.amount == "7"
    assert answer.extra == {"note": "mine", "status": "confirmed", "confirmations": told}
