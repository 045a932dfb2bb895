"""A chain under test: a provider, the means to change its chain, and what the tests share."""

from dataclasses import replace
from typing import Literal, Protocol, runtime_checkable

from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import ChainProvider

NOWHERE = "ab" * 32
"""The id of no transaction and no block."""
WAIT_SECONDS = 10.0

Silence = Literal["missing", "null"]
"""The form of the silence: the field that would say it is missing, or it is null or false."""


class ChainUnderTest(Protocol):
    """A provider, and the means to change its chain.

    When a method returns, its effect is on the chain and the provider knows of it.
    """

    @property
    def provider(self) -> ChainProvider:
        """The provider under test."""
        ...

    def make_block(self) -> None:
        """Make a block of the submitted transactions."""
        ...

    def roll_back(self, blocks: int) -> None:
        """Replace the newest blocks by as many others, without their transactions."""
        ...

    def fund(self) -> OutputRef:
        """Make an output, in a block or in genesis, that :meth:`spend` can spend.

        Let it hold a native asset beside lovelace if the network has one.
        """
        ...

    def spend(self, ref: OutputRef) -> bytes:
        """Return a valid signed transaction, not submitted, that spends that output and no other.

        Two calls for one output return different transactions. The provider's answers are compared
        with the outputs of the transaction: assets, datums and scripts, if there are any.
        """
        ...


@runtime_checkable
class HidesSpends(Protocol):
    """A chain under test whose server can be made silent on what is spent.

    Give it to a provider that asks a server: the answers of some lack what others say.
    """

    def hide_spends(self, how: Silence) -> None:
        """From now on have no answer of the server say that an output is spent."""
        ...


@runtime_checkable
class RefusesWhatItTakes(Protocol):
    """A chain under test whose server can refuse a transaction that its node takes.

    Give it to a provider that asks a server.
    """

    def refuse_what_is_taken(self, text: str) -> None:
        """Have the server take the next submission, and answer it with a refusal of that text."""
        ...


@runtime_checkable
class CutsOff(Protocol):
    """A chain under test whose provider can be cut off from its server.

    Give it to a provider that asks a server.
    """

    def cut_off(self) -> None:
        """From now on have no call reach the server."""
        ...


def statuses(provider: ChainProvider, *refs: OutputRef) -> list[type]:
    """Return the kind of each output's status."""
    answer = provider.outputs(refs)
    return [type(answer[ref]) for ref in refs]


def without_sizes(output: Output) -> Output:
    """Return the output without the sizes of its serialisation, which not every provider knows."""
    return replace(output, size=0, value_size=0)


def pay(chain: ChainUnderTest) -> tuple[OutputRef, str]:
    """Put a transaction in the newest block; return the output that it spent, and its id."""
    ref = chain.fund()
    transaction_id = chain.provider.submit(chain.spend(ref))
    chain.make_block()
    return ref, transaction_id
