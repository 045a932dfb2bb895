"""A chain as schemes ask it: outputs through the cache, parameters, eras and scripts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import Evaluator, ScriptFailure, ScriptRun
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import EvaluatesScripts, OutputStatus

OutputLookup: TypeAlias = Callable[[Collection[OutputRef]], Mapping[OutputRef, OutputStatus]]
"""The same as :meth:`ChainProvider.outputs`."""

ScriptEvaluators: TypeAlias = Callable[[EraSummary, str], Evaluator]
"""A function that returns the evaluator for an era summary and the client that asks."""


class ChainFacts(Protocol):
    """The part of :class:`ChainProvider` that a verdict needs."""

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output."""
        ...

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force."""
        ...

    def eras(self) -> EraSummary:
        """Return how slots and time relate."""
        ...


@dataclass(frozen=True, slots=True)
class SchemeChain:
    """The chain of one network, for the verdicts of a scheme."""

    provider: ChainFacts
    """The provider: parameters, eras, and its optional protocols such as ``ReadsLedgerState``."""
    outputs: OutputLookup
    """Looks up outputs as the provider does, and costs no call for those that are cached."""
    scripts: ScriptEvaluators
    """Makes the evaluator of scripts for a provider without one."""

    def evaluator(self, utxo: Mapping[OutputRef, Output], client: str) -> Evaluator:
        """Return the evaluator of a transaction's scripts, with the outputs that it refers to.

        ``client`` is the one that asks, as limits count it.
        """
        return evaluator_of(self.provider, utxo, self.scripts, client)


def evaluator_of(
    chain: ChainFacts,
    utxo: Mapping[OutputRef, Output],
    scripts: ScriptEvaluators,
    client: str,
) -> Evaluator:
    """Return the provider's evaluator if it has one, else one of ``scripts`` for the client."""

    def evaluate(
        resolved: ResolvedTransaction, runs: Sequence[ScriptRun]
    ) -> Sequence[ScriptFailure]:
        if isinstance(chain, EvaluatesScripts):
            return chain.evaluate(resolved.tx.raw, utxo)
        return scripts(chain.eras(), client)(resolved, runs)

    return evaluate
