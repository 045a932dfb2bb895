"""An optional capability of chain providers: who spent an output, and what did that make.

By it one follows value that moves from output to output, such as a payment channel.
"""

from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import InBlock, Unknown, Unspent


class SpentBy(NamedTuple):
    """A transaction in a block of the provider's chain spent the output."""

    transaction_id: str
    """Id of that transaction, lowercase hex."""
    block: InBlock | None
    """Its block; ``None`` if only a further call would show it: ``transaction`` of the provider."""
    inputs: tuple[OutputRef, ...]
    """The outputs that it consumed: its inputs, or its collateral inputs if its scripts failed."""
    outputs: tuple[tuple[OutputRef, Output], ...]
    """The outputs that it made, by index: only the collateral return if its scripts failed."""


Spender: TypeAlias = Unspent | SpentBy | Unknown


@runtime_checkable
class FindsSpenders(Protocol):
    """A provider that can name the spender of an output: for following payment channels."""

    def spender(self, ref: OutputRef) -> Spender:
        """Return the output itself while it is unspent, else the transaction that spent it.

        That is as of a recent tip; mempools do not count. ``Unknown`` for an output that was never
        made, and wherever the provider does not know, for instance since its index lags or is
        incomplete: so an output is never taken for gone by that. Raises :class:`ChainUnavailable`.
        """
        ...
