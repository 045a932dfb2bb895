"""Collects the Plutus scripts that must run, and judges the transaction by them (phase 2)."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from facilitator.cardano.rules.failure import Failure, format_items, refuse_unjudged
from facilitator.cardano.rules.needed import SPENDING, Purpose, Scripts
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import Redeemer, Script

PURPOSE_NAMES = (
    "spending",
    "minting",
    "certifying",
    "rewarding",
    "voting",
    "proposing",
    "guarding",
)
"""Names of purposes, by the tag of a redeemer (CDDL ``redeemer_tag``)."""

VALIDATION_TAG_MISMATCH = "ValidationTagMismatch"


class ScriptRun(NamedTuple):
    """A script that the ledger would run, with its arguments except the context."""

    purpose: Purpose
    script: Script
    redeemer: Redeemer
    """The redeemer's data, and its budget as the limit of the run."""
    datum: bytes | None
    """The CBOR of the spent output's datum, if there is one."""


class ScriptFailure(NamedTuple):
    """A script that fails, identified by its redeemer."""

    tag: int
    """The script's purpose (CDDL ``redeemer_tag``)."""
    item: int
    """Index of its item among those of the same kind, in the ledger's order."""
    error: str
    """The cause as part of a sentence that callers may see."""

    def __str__(self) -> str:
        """Return a text such as ``spending 0: it ends in an error``."""
        return f"{PURPOSE_NAMES[self.tag]} {self.item}: {self.error}"


class CannotEvaluate(Exception):
    """The evaluator reaches no verdict; the text says why, as part of a sentence."""


class TookTooLong(CannotEvaluate):
    """The scripts were stopped when their time was over."""


Evaluator: TypeAlias = Callable[[ResolvedTransaction, Sequence[ScriptRun]], Sequence[ScriptFailure]]
"""A function that runs scripts; returns the failures, none if all succeed within their budgets.

Raises :class:`CannotEvaluate` unless it reaches a verdict on every script.
"""


def collect_script_runs(resolved: ResolvedTransaction, scripts: Scripts) -> tuple[ScriptRun, ...]:
    """Return the Plutus scripts to run, one for each purpose (Alonzo ``collectPlutusScripts``).

    Requires that the phase-1 rules hold, so that each has a redeemer.
    """
    redeemers = {(found.tag, found.index): found for found in resolved.tx.witnesses.redeemers}
    return tuple(
        ScriptRun(
            purpose,
            script,
            redeemers[purpose.tag, purpose.item],
            _find_datum(resolved, purpose.item) if purpose.tag == SPENDING else None,
        )
        for purpose, script in scripts.plutus().items()
    )


def script_verdicts(
    resolved: ResolvedTransaction, scripts: Scripts, evaluator: Evaluator | None
) -> Failure | None:
    """Alonzo UTXOS, ``ValidationTagMismatch``: scripts fail just where the transaction says so.

    The transaction is refused without an evaluator, or if it reaches no verdict. The evaluator
    runs only if every phase-1 rule holds.
    """
    plutus = scripts.plutus()
    if not plutus and not resolved.tx.is_valid:
        return _marked_without_scripts(resolved)
    if plutus and evaluator is None:
        hashes = format_items(sorted({purpose.script.hex() for purpose in plutus}))
        return refuse_unjudged(f"it needs Plutus scripts ({hashes}); what they say is")
    try:
        runs = collect_script_runs(resolved, scripts)
        failed = evaluator(resolved, runs) if evaluator is not None and runs else ()
    except CannotEvaluate as error:
        return refuse_unjudged(
            f"its Plutus scripts cannot be evaluated ({error}); what they say is"
        )
    if resolved.tx.is_valid and failed:
        found = format_items([str(failure) for failure in failed])
        return Failure(VALIDATION_TAG_MISMATCH, f"Plutus scripts fail: {found}")
    if not resolved.tx.is_valid and not failed:
        return Failure(
            VALIDATION_TAG_MISMATCH,
            "it is marked as failing its scripts, but none of them fails",
        )
    return None


def _marked_without_scripts(resolved: ResolvedTransaction) -> Failure:
    marked = "it is marked as failing its scripts"
    if resolved.missing:
        known = "none was run, since outputs that it refers to do not exist or are spent"
        return refuse_unjudged(f"{marked}; {known}: whether one fails is")
    return Failure(VALIDATION_TAG_MISMATCH, f"{marked}, but has none to run")


def _find_datum(resolved: ResolvedTransaction, item: int) -> bytes | None:
    output = resolved.inputs[sorted(resolved.inputs)[item]]
    if output.datum is not None or output.datum_hash is None:
        return output.datum
    by_hash = {blake2b(raw, digest_size=32).digest(): raw for raw in resolved.tx.witnesses.datums}
    return by_hash.get(output.datum_hash)
