"""The answers of a chain during one inspection: each question goes upstream at most once."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.roles.chain import ChainProvider, EvaluatesScripts, OutputStatus, ReadsLedgerState
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.x402.networks import cardano_network

Answer = TypeVar("Answer")


class Snapshot:
    """The remembered answers of a provider, so that all of a report is about the same facts.

    Without a provider only :meth:`eras` is known, and all else raises
    :class:`ChainUnavailable`.
    """

    def __init__(self, network: str, chain: ChainProvider | None) -> None:
        """Take the provider of ``network``, or ``None``. It is asked on demand."""
        self.network = network
        self._chain = chain
        self._answers: dict[object, Any] = {}

    @property
    def is_offline(self) -> bool:
        """True without a provider."""
        return self._chain is None

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output. Raises :class:`ChainUnavailable`."""
        return self._ask_once(("outputs", frozenset(refs)), lambda chain: chain.outputs(refs))

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force. Raises :class:`ChainUnavailable`."""
        return self._ask_once("parameters", lambda chain: chain.parameters())

    def eras(self) -> EraSummary:
        """Return how slots and time relate: by the provider, else as known of the network.

        Raises :class:`ChainUnavailable` for a network of which that is not known.
        """
        try:
            return self._ask_once("eras", lambda chain: chain.eras())
        except ChainUnavailable:
            if (known := cardano_network(self.network).eras) is None:
                raise
            return known

    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the facts that the provider has. Raises :class:`ChainUnavailable`."""
        return self._ask_once(
            query,
            lambda chain: (
                chain.ledger_state(query) if isinstance(chain, ReadsLedgerState) else LedgerState()
            ),
        )

    def _ask_once(self, question: object, ask: Callable[[ChainProvider], Answer]) -> Answer:
        if question not in self._answers:
            self._answers[question] = self._ask(ask)
        answer: Answer | ChainUnavailable = self._answers[question]
        if isinstance(answer, ChainUnavailable):
            raise answer
        return answer

    def _ask(self, ask: Callable[[ChainProvider], Answer]) -> Answer | ChainUnavailable:
        if self._chain is None:
            return ChainUnavailable(f"{self.network} is not asked, as this is offline")
        try:
            return ask(self._chain)
        except ChainUnavailable as error:
            return error


class EvaluatingSnapshot(Snapshot):
    """A snapshot that implements :class:`EvaluatesScripts`, as its provider does."""

    def __init__(self, network: str, chain: ChainProvider, evaluator: EvaluatesScripts) -> None:
        """Take the provider as ``chain``, and the same object as ``evaluator``."""
        super().__init__(network, chain)
        self._evaluator = evaluator

    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail. Raises :class:`ChainUnavailable`."""
        return self._ask_once(
            ("evaluate", transaction), lambda _: self._evaluator.evaluate(transaction, utxo)
        )


def snapshot_of(network: str, chain: ChainProvider | None) -> Snapshot:
    """Return a snapshot with the capabilities of the provider."""
    if chain is not None and isinstance(chain, EvaluatesScripts):
        return EvaluatingSnapshot(network, chain, chain)
    return Snapshot(network, chain)
