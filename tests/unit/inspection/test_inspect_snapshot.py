"""A snapshot asks its provider each question once and can do what the provider can."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.inspection.snapshot import snapshot_of
from facilitator.roles.chain import EvaluatesScripts, OutputStatus, Spent
from facilitator.roles.chain_errors import ChainUnavailable

NETWORK = "cardano:preprod"
REF = OutputRef(b"\1" * 32, 0)
QUERY = StateQuery(treasury=True)


class Provider:
    """A provider without optional capabilities, as much of it as is asked."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        self.asked["outputs"] += 1
        return dict.fromkeys(refs, Spent())

    def parameters(self) -> Any:
        self.asked["parameters"] += 1
        raise ChainUnavailable("out of quota")

    def eras(self) -> Any:
        self.asked["eras"] += 1
        raise ChainUnavailable("out of quota")


class EvaluatingProvider(Provider):
    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        self.asked["evaluate"] += 1
        assert (transaction, utxo) == (b"transaction", {})
        return [ScriptFailure(0, 0, "it ends in an error")]


def snapshot(provider: Provider | None) -> Any:
    given: Any = provider
    return snapshot_of(NETWORK, given)


def test_each_question_goes_upstream_once() -> None:
    provider = EvaluatingProvider()
    chain = snapshot(provider)
    for _ in range(3):
        assert chain.outputs([REF]) == {REF: Spent()}
        assert len(chain.evaluate(b"transaction", {})) == 1
        with pytest.raises(ChainUnavailable, match="out of quota"):
            chain.parameters()
    assert provider.asked == {"outputs": 1, "parameters": 1, "evaluate": 1}


def test_it_evaluates_where_the_provider_does() -> None:
    assert isinstance(snapshot(EvaluatingProvider()), EvaluatesScripts)
    assert not isinstance(snapshot(Provider()), EvaluatesScripts)


def test_what_a_provider_cannot_tell_of_the_ledger_is_not_known() -> None:
    assert snapshot(Provider()).ledger_state(QUERY) == LedgerState()


def test_eras_are_known_without_the_provider() -> None:
    assert snapshot(Provider()).eras() is KNOWN_ERAS[NETWORK]


def test_offline_nothing_else_is_known() -> None:
    chain = snapshot(None)
    assert chain.eras() is KNOWN_ERAS[NETWORK]
    for ask in (chain.parameters, lambda: chain.outputs([REF]), lambda: chain.ledger_state(QUERY)):
        with pytest.raises(ChainUnavailable, match="offline"):
            ask()
