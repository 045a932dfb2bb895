"""A provider of recent blocks says that a transaction is nowhere, if the transaction is young."""

from typing import cast

import pytest

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.chain.young_transactions import status_since
from facilitator.roles.chain import ChainProvider, NotFound, TransactionStatus
from facilitator.roles.chain_errors import ChainUnavailable, NotFoundSince
from facilitator.testing.running import NETWORK, NOW

NOWHERE = "ab" * 32


class RecentBlocks:
    """Knows the blocks from ``NOW`` on, none of which holds anything."""

    eras = staticmethod(lambda: KNOWN_ERAS[NETWORK])

    def transaction(self, _: str) -> TransactionStatus:
        raise NotFoundSince(KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000)))


CHAIN = cast(ChainProvider, RecentBlocks())


def test_what_came_to_be_after_the_oldest_known_block_is_nowhere() -> None:
    assert status_since(CHAIN, NOWHERE, NOW + 30) == NotFound()


@pytest.mark.parametrize("since", [NOW + 20, NOW, NOW - 100_000])
def test_what_may_be_in_an_older_block_is_not_known(since: float) -> None:
    """A block may come some seconds after its slot."""
    with pytest.raises(ChainUnavailable, match="older blocks are not known"):
        status_since(CHAIN, NOWHERE, since)
