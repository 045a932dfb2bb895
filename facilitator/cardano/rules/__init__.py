"""The ledger's phase-1 rules (Conway) as pure functions over decoded transactions.

A transaction is good iff neither :func:`static_failures` nor :func:`ledger_failures` finds a
failure. What isn't judged (Plutus scripts' verdicts, votes, proposals, committee certificates, and
whatever depends on a ledger state that isn't given) is refused with the rule
:data:`NOT_JUDGED`; nothing is accepted unseen.

A rule is named after the ledger's predicate failure and cites the era and rule it is from.
"""

from collections.abc import Mapping

from facilitator.cardano.rules import (
    body,
    collateral,
    fees,
    metadata,
    outputs,
    plutus,
    scripts,
    value,
    witnesses,
)
from facilitator.cardano.rules.certificates import state_touched
from facilitator.cardano.rules.failure import NOT_JUDGED, Environment, Failure
from facilitator.cardano.rules.ledger_state import state_failures
from facilitator.cardano.rules.needed import find_scripts
from facilitator.cardano.rules.resolved import resolve
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef, Transaction

__all__ = [
    "NOT_JUDGED",
    "Environment",
    "Failure",
    "ledger_failures",
    "static_failures",
    "touched",
]

STATIC_RULES = (
    body.protocol_version,
    body.input_set_empty,
    body.duplicate_inputs,
    body.non_disjoint_reference_inputs,
    body.outside_validity_interval,
    body.max_tx_size,
    body.wrong_network_in_body,
    body.wrong_network_withdrawal,
    body.validation_tag,
    body.governance,
    outputs.output_too_small,
    outputs.output_too_big,
    outputs.wrong_network,
    outputs.boot_address_attributes_too_big,
    outputs.malformed_reference_scripts,
    fees.fee_too_small,
    fees.execution_units_too_big,
    collateral.too_many_collateral_inputs,
    collateral.no_collateral_inputs,
    metadata.auxiliary_data,
    metadata.auxiliary_scripts,
    scripts.malformed_script_witnesses,
    witnesses.missing_body_witnesses,
    witnesses.invalid_witnesses,
)
"""Rules over a transaction and its environment, cheap ones first."""

UTXO_RULES = (
    value.bad_inputs,
    value.value_not_conserved,
    fees.fee_too_small_for_scripts,
    fees.reference_scripts_too_big,
    witnesses.missing_input_witnesses,
)
"""Rules over a transaction and the outputs it refers to."""

COLLATERAL_RULES = (
    collateral.scripts_not_paid,
    collateral.collateral_contains_tokens,
    collateral.insufficient_collateral,
    collateral.incorrect_total_collateral,
)
"""As :data:`UTXO_RULES`, for transactions with redeemers only."""

SCRIPT_RULES = (
    scripts.missing_scripts,
    scripts.extraneous_scripts,
    scripts.native_scripts_not_validating,
    scripts.plutus_needed,
    plutus.missing_redeemers,
    plutus.extra_redeemers,
    plutus.unspendable_without_datum,
    plutus.missing_datums,
    plutus.supplemental_datums,
    plutus.script_integrity,
)
"""Rules over a transaction and the scripts it needs and provides."""


def static_failures(tx: Transaction, env: Environment) -> list[Failure]:
    """Every failure that can be found without outputs and ledger state."""
    return [failure for rule in STATIC_RULES if (failure := rule(tx, env)) is not None]


def touched(tx: Transaction) -> tuple[frozenset[OutputRef], StateQuery]:
    """What must be looked up: inputs, collateral and reference inputs; and ledger state."""
    refs = frozenset((*tx.body.inputs, *tx.body.collateral, *tx.body.reference_inputs))
    return refs, state_touched(tx.body)


def ledger_failures(
    tx: Transaction,
    env: Environment,
    utxo: Mapping[OutputRef, Output],
    state: LedgerState | None,
) -> list[Failure]:
    """Every failure that :func:`static_failures` cannot find.

    Refs that ``utxo`` lacks are ``BadInputsUTxO``; rules that cannot be computed without them are
    left out. Facts that :func:`touched` names and ``state`` lacks make the transaction refused.
    """
    resolved = resolve(tx, env, utxo, state)
    failures = [failure for rule in UTXO_RULES if (failure := rule(resolved)) is not None]
    if tx.witnesses.redeemers:
        failures += [
            failure for rule in COLLATERAL_RULES if (failure := rule(resolved)) is not None
        ]
    found = find_scripts(resolved)
    failures += [failure for rule in SCRIPT_RULES if (failure := rule(resolved, found)) is not None]
    if state_touched(tx.body):
        failures += state_failures(resolved)
    return failures
