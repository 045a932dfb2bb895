"""A devnet as a remote provider would be: it is asked for new blocks, and every call counts."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import OutputRef
from facilitator.roles.chain import Block, OutputStatus, Point, Tip, TransactionStatus
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator_devnet.devnet import Devnet


class PolledChain:
    """A :class:`facilitator.roles.chain.ChainProvider` that has no news unless it is asked."""

    is_devnet = True
    poll_seconds = 0.05

    def __init__(self, devnet: Devnet) -> None:
        """Pass every call on to the devnet."""
        self._devnet = devnet
        self.network = devnet.network
        self.calls: Counter[str] = Counter()
        self.is_down = False
        self.answered_outputs: Callable[[], None] = lambda: None
        """Called between the devnet's answer about outputs and ours."""

    def tip(self) -> Tip:
        self._count("tip")
        return self._devnet.tip()

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self._count("outputs")
        answer = self._devnet.outputs(refs)
        self.answered_outputs()
        return answer

    def submit(self, transaction: bytes) -> str:
        self._count("submit")
        return self._devnet.submit(transaction)

    def transaction(self, transaction_id: str) -> TransactionStatus:
        self._count("transaction")
        return self._devnet.transaction(transaction_id)

    def blocks_after(self, point: Point) -> Sequence[Block]:
        self._count("blocks_after")
        return self._devnet.blocks_after(point)

    def parameters(self) -> ProtocolParameters:
        return self._devnet.parameters()

    def eras(self) -> EraSummary:
        return self._devnet.eras()

    def close(self) -> None:
        """The devnet is closed by whoever made it."""

    def _count(self, method: str) -> None:
        self.calls[method] += 1
        if self.is_down:
            raise ChainUnavailable("the provider is down")
