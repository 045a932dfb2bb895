"""Payments that run Plutus, judged by the provider's evaluation or the one in this process."""

from collections.abc import Mapping, Sequence

import cbor2
import pytest

from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.exact.methods import DefaultTransfer
from facilitator.exact.verification import Verifier
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.refused import Refused
from facilitator.testing.clock import ManualClock
from facilitator.testing.payments import ALICE, genesis_utxos, request_body, requirements
from facilitator.testing.running import NETWORK
from facilitator.x402.messages import parse_payment_request
from facilitator.x402.reasons import Reason
from support.minting import BAD, BUDGET, GOOD, NOW, Chain, minting_payment


class EvaluatingChain(Chain):
    """One that evaluates, with the verdict it is made with."""

    def __init__(self, verdict: Sequence[ScriptFailure] | None) -> None:
        self._verdict = verdict
        self.asked: list[tuple[bytes, Mapping[OutputRef, Output]]] = []

    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        self.asked.append((transaction, utxo))
        if self._verdict is None:
            raise ChainUnavailable("no answer")
        return self._verdict


def judge(chain: Chain, transaction: bytes) -> str:
    methods = {"default": DefaultTransfer()}
    verifier = Verifier({NETWORK: chain}, methods, ManualClock(NOW))
    request = parse_payment_request(request_body(transaction, requirements()))
    payment = verifier.parse(request)
    verifier.check_static(payment)
    return verifier.check_ledger(payment).payer


def refusal(chain: Chain, transaction: bytes) -> tuple[Reason | str, str]:
    with pytest.raises(Refused) as refused:
        judge(chain, transaction)
    return refused.value.reason, refused.value.message


def test_a_script_that_succeeds_here_is_accepted() -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    assert judge(Chain(), minting_payment(GOOD)) == ALICE.bech32


def test_a_script_that_fails_here_is_refused_by_purpose_and_index() -> None:
    pytest.importorskip("uplc", reason="the extra [plutus] is not installed")
    reason, message = refusal(Chain(), minting_payment(BAD))
    assert reason is Reason.PHASE2_INVALID
    assert "minting 0: it ends in an error" in message


def test_the_providers_evaluation_comes_first() -> None:
    transaction = minting_payment(BAD)
    chain = EvaluatingChain([])
    assert judge(chain, transaction) == ALICE.bech32
    ((asked, utxo),) = chain.asked
    assert asked == transaction
    assert utxo.keys() < genesis_utxos(ALICE).keys()
    failing = EvaluatingChain([ScriptFailure(1, 0, "it ends in an error")])
    assert refusal(failing, minting_payment(GOOD))[0] is Reason.PHASE2_INVALID


def test_a_provider_that_cannot_tell_gives_no_verdict() -> None:
    reason, message = refusal(EvaluatingChain(None), minting_payment(GOOD))
    assert reason is Reason.CHAIN_LOOKUP_FAILED
    assert "no answer" in message


def test_nothing_is_evaluated_where_another_rule_fails() -> None:
    chain = EvaluatingChain([])
    transaction = minting_payment(b"\x43\x01\x01\x00")
    with pytest.raises(Refused):
        judge(chain, transaction)
    changed = minting_payment(GOOD).replace(cbor2.dumps(BUDGET), cbor2.dumps([1000, 1001]))
    reason, message = refusal(chain, changed)
    assert reason is not Reason.PHASE2_INVALID
    assert "PPViewHashesDontMatch" in message
    assert chain.asked == []
