"""What Plutus scripts say, against what the ledger says of its own test transactions."""

from collections import Counter
from importlib.util import find_spec

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.phase2.evaluator import InProcessEvaluator
from facilitator.cardano.rules import NOT_JUDGED
from facilitator.cardano.rules.evaluation import ScriptFailure, collect_script_runs
from facilitator.cardano.rules.needed import find_scripts
from facilitator.cardano.rules.resolved import resolve
from facilitator.cardano.slots import KNOWN_ERAS, Era, EraSummary
from support.ledger_vectors import NEW_IN_CONWAY, VECTORS, Record, judge_record, met, records

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        not VECTORS.is_dir(),
        reason=f"no ledger vectors in {VECTORS}; FACILITATOR_LEDGER_VECTORS names their folder",
    ),
    pytest.mark.skipif(find_spec("uplc") is None, reason="the extra [plutus] is not installed"),
]

FILES = sorted(path.name for path in VECTORS.glob("*.jsonl.gz"))
SYSTEM_START = 1506203091000
"""Unix time in ms, of the system start that the vectors name."""
EVALUATOR = InProcessEvaluator(EraSummary([Era(0, SYSTEM_START, 1000)]))


def is_phase2(record: Record) -> bool:
    return bool(record["relevance"] == "phase2")


@pytest.mark.parametrize("name", FILES)
def test_every_phase2_verdict_is_the_ledgers(name: str) -> None:
    judged = Counter[str]()
    wrong = []
    for record in filter(is_phase2, records(name)):
        rules = {failure.rule for failure in judge_record(record, evaluator=EVALUATOR)}
        expected = {"ValidationTagMismatch"} if record["expected"] == "reject" else set()
        judged[record["expected"]] += 1
        if rules != expected:
            wrong.append((record["id"], record["n"], rules))
    assert wrong == []
    assert judged.keys() == {"accept", "reject"} or not judged


@pytest.mark.parametrize("name", FILES)
def test_with_an_evaluator_no_refused_transaction_is_accepted(name: str) -> None:
    rejected = [record for record in records(name) if record["expected"] == "reject"]
    accepted = [
        record["id"] for record in rejected if not judge_record(record, evaluator=EVALUATOR)
    ]
    assert accepted == []


@pytest.mark.parametrize("name", FILES)
def test_whatever_the_evaluator_is_asked_it_decides(name: str) -> None:
    undecided = [
        (record["id"], record["n"], failure.message)
        for record in records(name)
        if record["redeemers"] and record["expected"] == "accept"
        for failure in judge_record(record, evaluator=EVALUATOR)
        if failure.rule == NOT_JUDGED and "evaluated" in failure.message
    ]
    assert undecided == []


def test_without_an_evaluator_nothing_that_runs_plutus_is_accepted() -> None:
    for name in FILES:
        for record in filter(is_phase2, records(name)):
            assert NOT_JUDGED in {failure.rule for failure in judge_record(record)}


def test_budgets_that_mainnet_transactions_use_up_are_used_up() -> None:
    """With the real cost models: a budget without a unit to spare is enough, a unit less is not."""
    exact = [record for record in records("mainnet.jsonl") if record["id"].endswith(EXACT)]
    assert len(exact) == len(EXACT)
    for record in exact:
        assert failed(record) == [], record["id"]
        for spared in ((1, 0), (0, 1)):
            assert failed(record, spared), (record["id"], spared)


EXACT = (
    "successful_mainnet_tx_with_plutus_v1_script",
    "successful_mainnet_tx_with_plutus_v2_script",
    "successful_mainnet_tx_with_plutus_v3_script",
    "phase-two/mainnet/74558bb6/tx.cbor",
)
"""Of Plutus V1, V2 and V3, those whose wallets found out exactly what the scripts need."""


def failed(record: Record, spared: tuple[int, int] = (0, 0)) -> list[ScriptFailure]:
    """The scripts that fail with so much less memory and so many steps less."""
    env, utxo = met(record, NEW_IN_CONWAY)
    resolved = resolve(decode_transaction(bytes.fromhex(record["tx"])), env, utxo, None)
    runs = [
        run._replace(
            redeemer=run.redeemer._replace(
                memory=run.redeemer.memory - spared[0], steps=run.redeemer.steps - spared[1]
            )
        )
        for run in collect_script_runs(resolved, find_scripts(resolved))
    ]
    return list(InProcessEvaluator(KNOWN_ERAS["cardano:mainnet"])(resolved, runs))


BABBAGE_ONLY = {
    # Conway charges for reference scripts, which this fee does not cover.
    "successful_mainnet_tx_with_plutus_v2_script": {"FeeTooSmallUTxO", NOT_JUDGED},
    # Conway's decoder refuses an empty set of scripts.
    "successful_preprod_tx_with_plutus_v2_script": {"DecodingFailure"},
}
"""What the Babbage ledger took and the Conway ledger would not take any more."""


def test_real_transactions_are_accepted() -> None:
    """Of Babbage and Conway, scripts and all, by Conway's rules."""
    refused = {}
    for record in records("mainnet.jsonl"):
        if record["era"] in ("babbage", "conway"):
            network = "cardano:mainnet" if record["network_id"] == 1 else "cardano:preprod"
            evaluator = InProcessEvaluator(KNOWN_ERAS[network])
            if rules := {f.rule for f in judge_record(record, NEW_IN_CONWAY, evaluator)}:
                refused[record["id"].rpartition("::")[2]] = rules
    assert refused.items() <= BABBAGE_ONLY.items()
