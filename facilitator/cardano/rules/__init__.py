"""The ledger's rules (Conway, Dijkstra) as pure functions over decoded transactions.

A transaction is good iff neither :func:`static_failures` nor :func:`ledger_failures`
finds a failure. A transaction with a part that is not judged is refused with the rule
:data:`NOT_JUDGED`. Such parts are Plutus scripts without an evaluator, and all that depends on an
absent ledger state. Sub-transactions of Dijkstra are refused by a name of their own.

A rule has the name of the ledger's predicate failure and cites its era and rule.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from facilitator.cardano.rules import (
    body,
    collateral,
    dijkstra,
    era,
    fees,
    metadata,
    outputs,
    plutus,
    scripts,
    value,
    witnesses,
)
from facilitator.cardano.rules.contexts import CONTEXT_RULES
from facilitator.cardano.rules.dijkstra import name_by_version
from facilitator.cardano.rules.evaluation import Evaluator, script_verdicts
from facilitator.cardano.rules.facts import build_state_query
from facilitator.cardano.rules.failure import NOT_JUDGED, Environment, Failure
from facilitator.cardano.rules.governance_proposals import PROPOSAL_RULES
from facilitator.cardano.rules.ledger_state import state_failures
from facilitator.cardano.rules.needed import Scripts, find_scripts
from facilitator.cardano.rules.resolved import ResolvedTransaction, resolve
from facilitator.cardano.rules.witnesses import find_certificate_keys
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Language, Output, OutputRef, Transaction

__all__ = [
    "NOT_JUDGED",
    "Environment",
    "Failure",
    "find_certificate_keys",
    "ledger_failures",
    "ledger_verdicts",
    "static_failures",
    "static_rules",
    "touched",
    "unsigned_inputs",
]

StaticRules: TypeAlias = tuple[Callable[[Transaction, Environment], Failure | None], ...]
ScriptRule: TypeAlias = Callable[[ResolvedTransaction, Scripts], Failure | None]

STATIC_RULES = (
    body.protocol_version,
    era.decodes_in_its_era,
    body.input_set_empty,
    body.duplicate_inputs,
    body.non_disjoint_reference_inputs,
    body.outside_validity_interval,
    body.max_tx_size,
    body.wrong_network_in_body,
    body.wrong_network_withdrawal,
    body.validation_tag,
    outputs.output_too_small,
    outputs.output_too_big,
    outputs.wrong_network,
    outputs.boot_address_attributes_too_big,
    outputs.malformed_reference_scripts,
    fees.fee_too_small,
    fees.execution_units_too_big,
    collateral.too_many_collateral_inputs,
    collateral.no_collateral_inputs,
    era.pointer_in_collateral_return,
    metadata.auxiliary_data,
    metadata.auxiliary_contents,
    scripts.malformed_script_witnesses,
    witnesses.missing_body_witnesses,
    witnesses.invalid_witnesses,
)
"""Rules over a transaction and its environment, cheap ones first."""

UTXO_RULES = (
    value.bad_inputs,
    value.value_not_conserved,
    fees.fee_too_small_for_scripts,
    witnesses.missing_input_witnesses,
)
"""Rules over a transaction and the outputs that it refers to."""

EFFECT_RULES = (fees.reference_scripts_too_big,)
"""Rules like :data:`UTXO_RULES`, for transactions whose scripts succeed (Conway LEDGER).

A transaction that is marked as failing only pays its collateral. So neither these rules nor those
over ledger state and proposals apply to it.
"""

COLLATERAL_RULES = (
    collateral.scripts_not_paid,
    collateral.collateral_contains_tokens,
    collateral.insufficient_collateral,
    collateral.incorrect_total_collateral,
)
"""Rules like :data:`UTXO_RULES`, for transactions with redeemers only."""

SCRIPT_RULES = (
    scripts.missing_scripts,
    scripts.extraneous_scripts,
    scripts.native_scripts_not_validating,
    plutus.missing_redeemers,
    plutus.extra_redeemers,
    plutus.unspendable_without_datum,
    plutus.missing_datums,
    plutus.supplemental_datums,
    plutus.script_integrity,
)
"""Rules over a transaction and the scripts it needs and provides."""

LEDGER_RULES: tuple[Callable[..., object], ...] = (
    *UTXO_RULES,
    *EFFECT_RULES,
    *COLLATERAL_RULES,
    *SCRIPT_RULES,
    *CONTEXT_RULES,
    *dijkstra.SCRIPT_RULES,
    *dijkstra.CONTEXT_RULES,
    dijkstra.plutus_v4,
    state_failures,
    witnesses.further_invalid_witnesses,
    script_verdicts,
)
"""All rules of :func:`ledger_verdicts`, including those that do not concern a transaction."""


def static_rules(tx: Transaction) -> StaticRules:
    """Return the rules that concern the transaction and need neither outputs nor ledger state."""
    rules: StaticRules = STATIC_RULES
    if tx.body.dijkstra is not None:
        rules = (*rules, era.sub_transactions, *dijkstra.STATIC_RULES)
    return (*rules, *PROPOSAL_RULES) if tx.body.proposals and tx.is_valid else rules


def static_failures(tx: Transaction, env: Environment) -> list[Failure]:
    """Return every failure that needs neither outputs nor ledger state to be found."""
    return [
        name_by_version(failure, env)
        for rule in static_rules(tx)
        if (failure := rule(tx, env)) is not None
    ]


def touched(tx: Transaction) -> tuple[frozenset[OutputRef], StateQuery]:
    """Return what to look up: inputs, collateral and reference inputs, and ledger state."""
    refs = frozenset((*tx.body.inputs, *tx.body.collateral, *tx.body.reference_inputs))
    return refs, build_state_query(tx.body)


def unsigned_inputs(
    tx: Transaction,
    utxo: Mapping[OutputRef, Output],
    future_signers: frozenset[bytes] = frozenset(),
) -> Failure | None:
    """Return the failure of the inputs in ``utxo`` whose keys have not signed.

    It is final though ``utxo`` may lack outputs. ``future_signers`` are those of
    :class:`Environment`.
    """
    refs = (*tx.body.inputs, *tx.body.collateral)
    outputs = [utxo[ref] for ref in refs if ref in utxo]
    return witnesses.unsigned_owners(outputs, tx.witnesses, future_signers)


def ledger_failures(
    tx: Transaction,
    env: Environment,
    utxo: Mapping[OutputRef, Output],
    state: LedgerState | None,
    evaluator: Evaluator | None = None,
) -> list[Failure]:
    """Return every failure that :func:`static_failures` cannot find.

    Refs that ``utxo`` lacks are ``BadInputsUTxO``; rules that need those refs are left out. The
    transaction is refused if ``state`` lacks a fact that :func:`touched` names. If Plutus
    scripts are needed and every other rule holds, ``evaluator`` is called once; without an
    evaluator the transaction is refused.
    """
    verdicts = ledger_verdicts(tx, env, utxo, state, evaluator)
    return [failure for _, failure in verdicts if failure is not None]


def ledger_verdicts(
    tx: Transaction,
    env: Environment,
    utxo: Mapping[OutputRef, Output],
    state: LedgerState | None,
    evaluator: Evaluator | None = None,
) -> Iterator[tuple[Callable[..., object], Failure | None]]:
    """Yield each further rule that concerns the transaction, with its failure or ``None``.

    The arguments are those of :func:`ledger_failures`. All rules over ledger state appear as
    :func:`~facilitator.cardano.rules.ledger_state.state_failures`, once for each failure.
    Further signatures are verified only if every rule before holds, and so scripts run.
    """
    resolved = resolve(tx, env, utxo, state)
    found = find_scripts(resolved)
    holds = True
    for rule, failure in _phase1_verdicts(resolved, found):
        holds &= failure is None
        yield rule, failure and name_by_version(failure, env)
    if holds and witnesses.has_further_signatures(tx):
        failure = witnesses.further_invalid_witnesses(resolved)
        holds = failure is None
        yield witnesses.further_invalid_witnesses, failure and name_by_version(failure, env)
    if found.plutus() or (tx.witnesses.redeemers and not tx.is_valid):
        # As in the ledger, scripts run last, and only if no other rule is broken.
        evaluator = evaluator if holds else None
        yield script_verdicts, script_verdicts(resolved, found, evaluator)


def _phase1_verdicts(
    resolved: ResolvedTransaction, found: Scripts
) -> Iterator[tuple[Callable[..., object], Failure | None]]:
    tx = resolved.tx
    effect_rules = EFFECT_RULES if tx.is_valid else ()
    collateral_rules = COLLATERAL_RULES if tx.witnesses.redeemers else ()
    for rule in (*UTXO_RULES, *effect_rules, *collateral_rules):
        yield rule, rule(resolved)
    for script_rule in _select_script_rules(resolved, found):
        yield script_rule, script_rule(resolved, found)
    if tx.is_valid and build_state_query(tx.body):
        failures: list[Failure | None] = [*state_failures(resolved)]
        for failure in failures or [None]:
            yield state_failures, failure


def _select_script_rules(resolved: ResolvedTransaction, found: Scripts) -> tuple[ScriptRule, ...]:
    """Return the rules over scripts that concern the transaction.

    None of Conway's does if it has no script, redeemer or datum, and claims no hash of them. Of
    scripts that are not judged, no other rule can say anything.
    """
    tx, plutus = resolved.tx, found.plutus()
    if plutus and any(script.language is Language.PLUTUS_V4 for script in plutus.values()):
        return (dijkstra.plutus_v4,)
    witnesses, claimed = tx.witnesses, tx.body.script_data_hash
    has_any = found.needed or found.provided or witnesses.redeemers or witnesses.datums or claimed
    rules: tuple[ScriptRule, ...] = SCRIPT_RULES if has_any else ()
    if plutus:
        rules += CONTEXT_RULES
    if tx.body.dijkstra is None:
        return rules
    return (*rules, *dijkstra.SCRIPT_RULES, *(dijkstra.CONTEXT_RULES if plutus else ()))
