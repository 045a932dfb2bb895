"""The result of each rule of the ledger for a transaction, as far as the facts reach."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules import (
    LEDGER_RULES,
    NOT_JUDGED,
    Environment,
    Failure,
    ledger_verdicts,
    static_rules,
    touched,
)
from facilitator.cardano.rules.evaluation import script_verdicts
from facilitator.cardano.rules.ledger_state import state_failures
from facilitator.cardano.rules.witnesses import further_invalid_witnesses, has_further_signatures
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.inspection.checks import Check, Result, about, predicate_of
from facilitator.inspection.figures import figures
from facilitator.inspection.snapshot import Snapshot
from facilitator.roles.chain import OutputStatus, Unknown, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.refused import Refused
from facilitator.roles.scheme_chain import ScriptEvaluators, evaluator_of

NO_CONCERN = "the transaction holds nothing that it is about"
"""The detail of a rule that passes for there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The known facts of the chain that concern one transaction."""

    slot: int
    network_id: int
    parameters: ProtocolParameters | None
    """``None`` if they are not known."""
    outputs: Mapping[OutputRef, OutputStatus]
    """Status of inputs, collateral and reference inputs; empty if none is known."""
    unavailable: str | None
    """The cause, if something is not known."""
    future_signers: frozenset[bytes] = frozenset()
    """Those of :class:`~facilitator.cardano.rules.Environment`."""

    @property
    def utxo(self) -> dict[OutputRef, Output]:
        """The outputs that are unspent."""
        return {
            ref: status.output
            for ref, status in self.outputs.items()
            if isinstance(status, Unspent)
        }


def look_up_facts(tx: Transaction, chain: Snapshot, slot: int, network_id: int) -> Facts:
    """Return the facts that the rules need. Never raises: unknown facts are left out."""
    try:
        parameters = chain.parameters()
        outputs = chain.outputs(touched(tx)[0])
    except ChainUnavailable as error:
        known = _parameters(chain)
        return Facts(slot, network_id, known, {}, f"needs the chain: {error}")
    unknown = [f"{ref}: {s.why}" for ref, s in outputs.items() if isinstance(s, Unknown)]
    why = f"needs the chain, which does not know {unknown[0]}" if unknown else None
    return Facts(slot, network_id, parameters, outputs, why)


def _parameters(chain: Snapshot) -> ProtocolParameters | None:
    try:
        return chain.parameters()
    except ChainUnavailable:
        return None


def ledger_checks(
    tx: Transaction, facts: Facts, chain: Snapshot, scripts: ScriptEvaluators
) -> list[Check]:
    """Return one row for every rule, or one for each failure if a rule has several."""
    parameters = facts.parameters or cast(
        ProtocolParameters, _UnknownParameters(facts.unavailable or "")
    )
    env = Environment(facts.slot, facts.network_id, parameters, facts.future_signers)
    return [*_static(tx, env), *_resolved(tx, env, facts, chain, scripts)]


class _UnknownParameters:
    """A stand-in for protocol parameters: a rule that reads one of them cannot be judged."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __getattr__(self, name: str) -> object:
        raise ChainUnavailable(self._why)


def _static(tx: Transaction, env: Environment) -> Iterator[Check]:
    for rule in static_rules(tx):
        try:
            failure = rule(tx, env)
            yield _row(rule, failure, "" if failure else figures(rule, tx, env, {}))
        except ChainUnavailable as error:
            yield _not_judged(rule, str(error))


def _resolved(
    tx: Transaction, env: Environment, facts: Facts, chain: Snapshot, scripts: ScriptEvaluators
) -> Iterator[Check]:
    if facts.unavailable is not None:
        yield from (_not_judged(rule, facts.unavailable) for rule in LEDGER_RULES)
        return
    query = touched(tx)[1]
    try:
        state = chain.ledger_state(query) if query else None
    except ChainUnavailable as error:
        yield from (_not_judged(rule, f"needs the chain: {error}") for rule in LEDGER_RULES)
        return
    utxo = facts.utxo
    judged = set()
    try:
        evaluator = evaluator_of(chain, utxo, scripts, "")
        for rule, failure in ledger_verdicts(tx, env, utxo, state, evaluator):
            judged.add(rule)
            if failure is None and len(utxo) < len(facts.outputs):
                yield _not_judged(rule, "needs outputs that do not exist or are spent")
            else:
                yield _row(rule, failure, "" if failure else figures(rule, tx, env, utxo))
    except ChainUnavailable as error:
        judged.add(script_verdicts)
        yield _not_judged(script_verdicts, f"needs the chain: {error}")
    except Refused as refused:
        judged.add(script_verdicts)
        yield _not_judged(script_verdicts, refused.message)
    yield from (_unused(rule, tx) for rule in LEDGER_RULES if rule not in judged)


def _unused(rule: Callable[..., object], tx: Transaction) -> Check:
    if rule is script_verdicts and tx.witnesses.redeemers:
        return _not_judged(rule, "scripts are run only where every other rule holds")
    if rule is further_invalid_witnesses and has_further_signatures(tx):
        return _not_judged(rule, "they are verified only where every other rule holds")
    return _row(rule, None, NO_CONCERN)


def _row(rule: Callable[..., object], failure: Failure | None, detail: str) -> Check:
    if failure is None:
        return _check(rule, Result.HOLDS, detail)
    if failure.rule == NOT_JUDGED:
        return _not_judged(rule, failure.message)
    return _check(rule, Result.BROKEN, failure.message, failure.rule)


def _not_judged(rule: Callable[..., object], why: str) -> Check:
    return _check(rule, Result.NOT_JUDGED, why)


def _check(
    rule: Callable[..., object], result: Result, detail: str, predicate: str | None = None
) -> Check:
    name = "ledger state" if rule is state_failures else rule.__name__.replace("_", " ")
    return Check("ledger", name, result, detail, predicate or predicate_of(rule), about(rule))
