"""The units that a transaction's Plutus scripts use, as Ogmios evaluates them.

Ogmios looks at scripts alone: signatures, fees, budgets and the script integrity hash may be
missing or wrong, since wallets ask before they know them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from facilitator.cardano.phase2.evaluator import ScriptOutcome, check_forecast, measure_scripts
from facilitator.cardano.rules import touched
from facilitator.cardano.rules.contexts import CONTEXT_RULES
from facilitator.cardano.rules.dijkstra import CONTEXT_RULES as DIJKSTRA_CONTEXT_RULES
from facilitator.cardano.rules.evaluation import CannotEvaluate, collect_script_runs
from facilitator.cardano.rules.failure import Failure
from facilitator.cardano.rules.needed import SPENDING, Purpose, Scripts, find_scripts
from facilitator.cardano.rules.resolved import ResolvedTransaction, resolve
from facilitator.cardano.rules.scripts import malformed_script_witnesses
from facilitator.cardano.transaction import Language, Output, OutputRef, Transaction
from facilitator.plugin import Unspent
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import eras_of
from facilitator_devnet.index import datum_hash

PURPOSES = ("spend", "mint", "publish", "withdraw", "vote", "propose", "guard")
"""Ogmios' names by the tag of a redeemer (CDDL ``redeemer_tag``)."""
OVERLAP, NO_CONTEXT, SCRIPTS_FAIL = 3002, 3004, 3010
MISSING_SCRIPTS, SCRIPT_FAILS, EXTRANEOUS, MISSING_DATUMS = 3011, 3012, 3110, 3111


class NotEvaluated(Exception):
    """There are no costs: scripts fail, or cannot run."""

    def __init__(self, code: int, message: str, data: Any) -> None:
        """Take Ogmios' code, a sentence, and Ogmios' data."""
        super().__init__(message)
        self.code = code
        self.data = data


def evaluate(
    devnet: Devnet, transaction: Transaction, additional: Mapping[OutputRef, Output]
) -> Sequence[ScriptOutcome]:
    """Return what each script with a redeemer uses; all succeed.

    Each has all that a transaction may use. Outputs are those at the tip, without the mempool, and
    the ``additional`` ones. Raises :class:`NotEvaluated`.
    """
    if not transaction.witnesses.redeemers:
        return []
    resolved = _resolve(devnet, transaction, additional)
    scripts = _check_redeemers(resolved, find_scripts(resolved))
    _check_context(resolved, scripts)
    try:
        check_forecast(resolved)
        runs = collect_script_runs(resolved, scripts)
        found = measure_scripts(resolved, runs, eras_of(devnet.network))
    except CannotEvaluate as error:
        raise _no_context(str(error)) from error
    failing = [each for each in found if each.outcome.error is not None]
    if failing:
        raise _failing(
            (each.tag, each.item, SCRIPT_FAILS, "the script fails", _failure(each))
            for each in failing
        )
    return found


def _resolve(
    devnet: Devnet, transaction: Transaction, additional: Mapping[OutputRef, Output]
) -> ResolvedTransaction:
    """Return the transaction with its outputs, and the largest budget in each redeemer."""
    with devnet.chain() as chain:
        found = {ref: chain.ledger.outputs.get(ref) for ref in touched(transaction)[0]}
        env = chain.environment(max(devnet.now(), chain.tip.point.slot + 1))
    known = {ref: got.output for ref, got in found.items() if isinstance(got, Unspent)}
    other = [
        {"transaction": {"id": ref.transaction_id.hex()}, "index": ref.index}
        for ref, output in additional.items()
        if ref in known and (output.address, output.value) != (known[ref].address, known[ref].value)
    ]
    if other:
        data = {"overlappingOutputReferences": other}
        raise NotEvaluated(OVERLAP, "additional outputs differ from those on the chain", data)
    most = env.parameters.max_tx_memory, env.parameters.max_tx_steps
    redeemers = tuple(
        each._replace(memory=most[0], steps=most[1]) for each in transaction.witnesses.redeemers
    )
    witnesses = replace(transaction.witnesses, redeemers=redeemers)
    resolved = resolve(
        replace(transaction, witnesses=witnesses), env, {**additional, **known}, None
    )
    wanted = {*transaction.body.inputs, *transaction.body.reference_inputs}
    missing = [str(ref) for ref in resolved.missing if ref in wanted]
    if missing:
        raise _no_context(
            f"Unknown transaction input (missing from UTxO set): {', '.join(missing)}"
        )
    return resolved


def _check_redeemers(resolved: ResolvedTransaction, scripts: Scripts) -> Scripts:
    """Return the scripts that have a redeemer. Raises :class:`NotEvaluated`."""
    needed = {(purpose.tag, purpose.item): purpose for purpose in scripts.needed}
    pointers = [(each.tag, each.index) for each in resolved.tx.witnesses.redeemers]
    chosen = scripts._replace(
        needed=tuple(needed[pointer] for pointer in pointers if pointer in needed)
    )
    wrong = [
        fault
        for pointer in pointers
        if (fault := _fault(pointer, needed.get(pointer), resolved, chosen)) is not None
    ]
    if wrong:
        raise _failing(wrong)
    return chosen


_Rule: TypeAlias = Callable[[ResolvedTransaction, Scripts], Failure | None]
_Fault: TypeAlias = tuple[int, int, int, str, Any]
"""The redeemer's tag and index; Ogmios' code, a sentence, and Ogmios' data."""


def _fault(
    pointer: tuple[int, int],
    purpose: Purpose | None,
    resolved: ResolvedTransaction,
    scripts: Scripts,
) -> _Fault | None:
    shown = [show_pointer(*pointer)]
    if purpose is None:
        data = {"extraneousRedeemers": shown}
        return (*pointer, EXTRANEOUS, "no script needs the redeemer", data)
    script = scripts.provided.get(purpose.script)
    if script is None:
        data = {"missingScripts": shown}
        return (*pointer, MISSING_SCRIPTS, f"the script {purpose.script.hex()} is missing", data)
    if script.language is Language.NATIVE:
        data = {"extraneousRedeemers": shown}
        return (*pointer, EXTRANEOUS, "a native script has no redeemer", data)
    missing = _missing_datums(resolved, purpose, script.language)
    if missing is not None:
        return (*pointer, MISSING_DATUMS, "the datum is missing", {"missingDatums": missing})
    return None


def _missing_datums(
    resolved: ResolvedTransaction, purpose: Purpose, language: Language
) -> list[str] | None:
    """Return the hash of the missing datum; nothing in the list if the output has none either."""
    if purpose.tag != SPENDING:
        return None
    output = resolved.inputs[sorted(set(resolved.tx.body.inputs))[purpose.item]]
    if output.datum is not None:
        return None
    if output.datum_hash is None:
        return [] if language in (Language.PLUTUS_V1, Language.PLUTUS_V2) else None
    given = {datum_hash(datum) for datum in resolved.tx.witnesses.datums}
    return None if output.datum_hash in given else [output.datum_hash.hex()]


def _check_context(resolved: ResolvedTransaction, scripts: Scripts) -> None:
    rules: Sequence[_Rule] = CONTEXT_RULES
    if resolved.tx.body.dijkstra is not None:
        rules = (*rules, *DIJKSTRA_CONTEXT_RULES)
    faults = [
        malformed_script_witnesses(resolved.tx, resolved.env),
        *(rule(resolved, scripts) for rule in rules),
    ]
    for failure in filter(None, faults):
        raise _no_context(failure.message)


def _no_context(why: str) -> NotEvaluated:
    return NotEvaluated(NO_CONTEXT, "the scripts cannot be run", {"reason": why})


def _failing(faults: Iterable[_Fault]) -> NotEvaluated:
    data = [
        {
            "validator": show_pointer(tag, item),
            "error": {"code": code, "message": message, "data": detail},
        }
        for tag, item, code, message, detail in faults
    ]
    return NotEvaluated(SCRIPTS_FAIL, "some scripts of the transaction fail", data)


def _failure(found: ScriptOutcome) -> dict[str, Any]:
    return {"validationError": found.outcome.error, "traces": list(found.outcome.traces)}


def show_budgets(found: Sequence[ScriptOutcome]) -> list[dict[str, Any]]:
    """Return what each script used, as the result of ``evaluateTransaction``."""
    return [
        {
            "validator": show_pointer(each.tag, each.item),
            "budget": {"memory": each.outcome.memory, "cpu": each.outcome.steps},
        }
        for each in found
    ]


def show_pointer(tag: int, item: int) -> dict[str, Any]:
    """Return Ogmios' pointer to a redeemer."""
    return {"purpose": PURPOSES[tag], "index": item}
