"""Waiting for blocks that all parts of a process have had."""

from facilitator.chain.chain_update import ChainUpdate
from facilitator.chain.follower import Follower
from facilitator.roles.chain import Tip
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet


class AppliedBlocks:
    """The newest block that every subscriber of a follower has had. Create it after the others.

    The follower itself knows a block before its subscribers do.
    """

    def __init__(self, follower: Follower) -> None:
        """Subscribe last."""
        self._follower = follower
        self._tip: Tip | None = None
        self._first: Tip | None = None
        follower.subscribe(self._on_update)

    def await_newest(self, devnet: Devnet) -> None:
        """Return when it is the devnet's newest block, and is trusted. Follows from now on."""
        if self._follower.tip is None:
            self._first = self._follower.follow()

        def is_there() -> bool:
            self._follower.follow()
            return (self._tip or self._first) == devnet.tip() and self._follower.epoch is not None

        eventually(is_there)

    def _on_update(self, update: ChainUpdate) -> None:
        self._tip = update.tip
