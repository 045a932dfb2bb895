"""What a chain says during one inspection: each question goes upstream once, or never."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import KNOWN_ERAS, EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import (
    ChainProvider,
    ChainUnavailable,
    EvaluatesScripts,
    OutputStatus,
    ReadsLedgerState,
)

Answer = TypeVar("Answer")


class Snapshot:
    """Remembers the answers of a provider, so that all of a report is about the same facts.

    Without a provider nothing but :meth:`eras` is known, and all else raises
    :class:`ChainUnavailable`.
    """

    def __init__(self, network: str, chain: ChainProvider | None) -> None:
        """Ask ``chain``, which is the provider of ``network``, when asked."""
        self.network = network
        self._chain = chain
        self._answers: dict[object, Any] = {}

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """What is known of each output. Raises :class:`ChainUnavailable`."""
        return self._once(("outputs", frozenset(refs)), lambda chain: chain.outputs(refs))

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force. Raises :class:`ChainUnavailable`."""
        return self._once("parameters", lambda chain: chain.parameters())

    def eras(self) -> EraSummary:
        """How slots and time relate: by the provider, else as is known of the network."""
        try:
            return self._once("eras", lambda chain: chain.eras())
        except ChainUnavailable:
            return KNOWN_ERAS[self.network]

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """The facts asked for, as far as the provider has any. Raises :class:`ChainUnavailable`."""
        return self._once(
            query,
            lambda chain: (
                chain.ledger_state(query) if isinstance(chain, ReadsLedgerState) else LedgerState()
            ),
        )

    def _once(self, question: object, ask: Callable[[ChainProvider], Answer]) -> Answer:
        if question not in self._answers:
            self._answers[question] = self._asked(ask)
        answer: Answer | ChainUnavailable = self._answers[question]
        if isinstance(answer, ChainUnavailable):
            raise answer
        return answer

    def _asked(self, ask: Callable[[ChainProvider], Answer]) -> Answer | ChainUnavailable:
        if self._chain is None:
            return ChainUnavailable("offline")
        try:
            return ask(self._chain)
        except ChainUnavailable as error:
            return error


class EvaluatingSnapshot(Snapshot):
    """A snapshot of a provider that implements :class:`EvaluatesScripts`, as does this."""

    def __init__(self, network: str, chain: ChainProvider, evaluator: EvaluatesScripts) -> None:
        """``evaluator`` is the provider itself."""
        super().__init__(network, chain)
        self._evaluator = evaluator

    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail. Raises :class:`ChainUnavailable`."""
        return self._once(
            ("evaluate", transaction), lambda _: self._evaluator.evaluate(transaction, utxo)
        )


def snapshot_of(network: str, chain: ChainProvider | None) -> Snapshot:
    """Return a snapshot that can do what the provider can."""
    if chain is not None and isinstance(chain, EvaluatesScripts):
        return EvaluatingSnapshot(network, chain, chain)
    return Snapshot(network, chain)
