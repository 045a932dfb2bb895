"""A provider of recent blocks: what shows that no older block holds a claim's transaction."""

from typing import cast

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.chain.recent_blocks import status_of
from facilitator.roles.chain import (
    ChainProvider,
    NotFound,
    OutputStatus,
    Spent,
    TransactionStatus,
    Unknown,
    Unspent,
)
from facilitator.roles.chain_errors import ChainUnavailable, NotFoundSince
from facilitator.roles.claim import ClaimState
from facilitator.testing.running import NOW
from support.tracked import claim_on

CLAIM = claim_on(0, ClaimState.SUBMITTED, NOW)
BODY = decode_transaction(CLAIM.transaction).body


class RecentBlocks:
    """Knows recent blocks, none of which holds anything, and where each output stands."""

    def __init__(self, status: OutputStatus) -> None:
        self._status = status

    def transaction(self, _: str) -> TransactionStatus:
        raise NotFoundSince(1)

    def outputs(self, refs: object) -> object:
        assert refs == BODY.inputs
        return dict.fromkeys(BODY.inputs, self._status)


def status(status: OutputStatus, created_at: float) -> TransactionStatus:
    chain = cast(ChainProvider, RecentBlocks(status))
    return status_of(chain, CLAIM.changed(created_at=created_at))


TIMES = [NOW - 100_000, NOW, NOW + 3_600]
"""By clocks that are right, and an hour ahead."""


@pytest.mark.parametrize("created_at", TIMES)
@pytest.mark.parametrize("proof", [Unspent(BODY.outputs[0]), Spent(by="ab" * 32)])
def test_an_input_shows_that_it_has_not_landed(proof: OutputStatus, created_at: float) -> None:
    assert status(proof, created_at) == NotFound()


@pytest.mark.parametrize("created_at", TIMES)
@pytest.mark.parametrize(
    "silent", [Spent(), Spent(by=CLAIM.transaction_id), Unknown("it lags behind")]
)
def test_else_it_may_be_in_an_older_block(silent: OutputStatus, created_at: float) -> None:
    """Whatever the clock says of the machine that made the claim."""
    with pytest.raises(ChainUnavailable, match="older blocks are not known"):
        status(silent, created_at)
