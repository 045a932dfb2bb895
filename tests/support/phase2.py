"""Judging transactions with the in-process evaluator."""

from collections.abc import Mapping, Sequence
from typing import Any

import cbor2

from facilitator.cardano.rules import Environment
from facilitator.cardano.rules.evaluation import ScriptRun, collect_script_runs, script_verdicts
from facilitator.cardano.rules.failure import Failure
from facilitator.cardano.rules.needed import find_scripts
from facilitator.cardano.rules.resolved import ResolvedTransaction, resolve
from facilitator.cardano.slots import Era, EraSummary
from facilitator.cardano.transaction import Output, OutputRef, Redeemer, Transaction
from support.ledger_values import ENVIRONMENT, UTXO

ERAS = EraSummary([Era(0, 1_000_000_000, 1000)])


def resolved_with(
    tx: Transaction, utxo: Mapping[OutputRef, Output] = UTXO, env: Environment = ENVIRONMENT
) -> ResolvedTransaction:
    return resolve(tx, env, utxo, None)


def runs_of(resolved: ResolvedTransaction) -> tuple[ScriptRun, ...]:
    return collect_script_runs(resolved, find_scripts(resolved))


def verdict(resolved: ResolvedTransaction, evaluator: Any) -> Failure | None:
    return script_verdicts(resolved, find_scripts(resolved), evaluator)


def redeemer(tag: int, item: int, data: object = 0, budget: Sequence[int] = (10**6, 10**9)) -> Any:
    return Redeemer(tag, item, cbor2.dumps(data), *budget)
