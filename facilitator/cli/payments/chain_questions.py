"""The questions of a reconciliation to one chain, which are counted and have a limit."""

from collections.abc import Mapping, Sequence

from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import (
    ChainProvider,
    FindsTransactions,
    ListsOutputs,
    Point,
    Tip,
    TransactionStatus,
    Unknown,
)
from facilitator.roles.chain_errors import ChainUnavailable, PointNotFound

BATCH_SIZE = 12
"""Payments whose statuses are asked for together: so many fit into any question to Koios."""


class CallsUsedUp(Exception):
    """As many calls were made as are allowed."""


class Calls:
    """The calls that were made, of those that are allowed."""

    def __init__(self, allowed: int) -> None:
        """Allow so many."""
        self.allowed = allowed
        self.made = 0

    def take(self) -> None:
        """Count one. Raises :class:`CallsUsedUp` if none is left."""
        if self.made >= self.allowed:
            raise CallsUsedUp
        self.made += 1


class Questions:
    """Questions to the chain of one network. All raise :class:`CallsUsedUp`."""

    def __init__(self, chain: ChainProvider, lister: ListsOutputs | None, calls: Calls) -> None:
        """Ask ``chain``, and ``lister`` for the outputs of addresses, if there is one."""
        self._chain = chain
        self._lister = lister
        self._calls = calls

    @property
    def lists_outputs(self) -> bool:
        """True if outputs of addresses can be listed."""
        return self._lister is not None

    def expected_calls(self, payments: int, recipients: int) -> int:
        """Return the calls for so many payments and recipients, if all of them are well."""
        listing = recipients + (1 if recipients else 0) if self.lists_outputs else 0
        is_batched = isinstance(self._chain, FindsTransactions)
        statuses = -(-payments // BATCH_SIZE) if is_batched else payments
        return statuses + listing + (1 if payments else 0)

    def tip(self) -> Tip:
        """Return the newest block. Raises :class:`ChainUnavailable`."""
        self._calls.take()
        return self._chain.tip()

    def eras(self) -> EraSummary:
        """Return the eras. Raises :class:`ChainUnavailable`."""
        self._calls.take()
        return self._chain.eras()

    def statuses(self, transaction_ids: Sequence[str]) -> Mapping[str, TransactionStatus | Unknown]:
        """Return the status of each transaction, as far as the calls suffice."""
        found: dict[str, TransactionStatus | Unknown] = {}
        size = BATCH_SIZE if isinstance(self._chain, FindsTransactions) else 1
        for start in range(0, len(transaction_ids), size):
            part = transaction_ids[start : start + size]
            try:
                self._calls.take()
                found |= self._look_up(part)
            except CallsUsedUp:
                break
            except ChainUnavailable as error:
                found |= dict.fromkeys(part, Unknown(f"the chain cannot be asked: {error.detail}"))
        return found

    def _look_up(self, transaction_ids: Sequence[str]) -> Mapping[str, TransactionStatus]:
        if isinstance(self._chain, FindsTransactions):
            return self._chain.transactions(transaction_ids)
        return {each: self._chain.transaction(each) for each in transaction_ids}

    def has_block(self, slot: int, block: str) -> bool | None:
        """Return True if the chain has the block, ``None`` if that is not known."""
        self._calls.take()
        try:
            self._chain.blocks_after(Point(slot, block))
        except PointNotFound:
            return False
        except ChainUnavailable:
            return None
        return True

    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return unspent outputs at the address. Raises :class:`ChainUnavailable`."""
        if self._lister is None:
            return {}
        self._calls.take()
        return self._lister.outputs_at(address)
