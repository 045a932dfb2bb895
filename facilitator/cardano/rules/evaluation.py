"""Which Plutus scripts must run, and what their verdicts mean for the transaction (phase 2)."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple, TypeAlias

from facilitator.cardano.rules.failure import Failure, listing, not_judged
from facilitator.cardano.rules.needed import SPENDING, Purpose, Scripts
from facilitator.cardano.rules.resolved import Resolved
from facilitator.cardano.transaction import Redeemer, Script

PURPOSE_NAMES = ("spending", "minting", "certifying", "rewarding", "voting", "proposing")
"""By the tag of a redeemer (CDDL ``redeemer_tag``)."""

VALIDATION_TAG_MISMATCH = "ValidationTagMismatch"


class ScriptRun(NamedTuple):
    """A script that the ledger would run, with what it is given beside its context."""

    purpose: Purpose
    script: Script
    redeemer: Redeemer
    """Its data, and its budget as the limit of the run."""
    datum: bytes | None
    """The CBOR of the datum of the output spent, if there is one."""


class ScriptFailure(NamedTuple):
    """A script that fails, named by its redeemer."""

    tag: int
    """Its purpose (CDDL ``redeemer_tag``)."""
    item: int
    """Index of the item it is for among those of its kind, in the ledger's order."""
    error: str
    """Why, as part of a sentence that is fit to be shown."""

    def __str__(self) -> str:
        """Such as ``spending 0: it ends in an error``."""
        return f"{PURPOSE_NAMES[self.tag]} {self.item}: {self.error}"


class CannotEvaluate(Exception):
    """Whether the scripts succeed cannot be told; the text says why, as part of a sentence."""


Evaluator: TypeAlias = Callable[[Resolved, Sequence[ScriptRun]], Sequence[ScriptFailure]]
"""Runs scripts: the failures among them, empty when each succeeds within its budget.

Raises :class:`CannotEvaluate` for anything short of a verdict on every one of them.
"""


def script_runs(resolved: Resolved, scripts: Scripts) -> tuple[ScriptRun, ...]:
    """Every Plutus script that must run, once for each purpose (Alonzo ``collectPlutusScripts``).

    The phase-1 rules hold, so that there is a redeemer for each.
    """
    redeemers = {(found.tag, found.index): found for found in resolved.tx.witnesses.redeemers}
    return tuple(
        ScriptRun(
            purpose,
            script,
            redeemers[purpose.tag, purpose.item],
            _datum(resolved, purpose.item) if purpose.tag == SPENDING else None,
        )
        for purpose, script in scripts.plutus().items()
    )


def script_verdicts(
    resolved: Resolved, scripts: Scripts, evaluator: Evaluator | None
) -> Failure | None:
    """Alonzo UTXOS, ``ValidationTagMismatch``: scripts fail just where the transaction says so.

    Without an evaluator, or when it cannot tell, the transaction is refused. Asked only when
    every phase-1 rule holds.
    """
    plutus = scripts.plutus()
    if plutus and evaluator is None:
        hashes = listing(sorted({purpose.script.hex() for purpose in plutus}))
        return not_judged(f"it needs Plutus scripts ({hashes}); what they say is")
    try:
        runs = script_runs(resolved, scripts)
        failed = evaluator(resolved, runs) if evaluator is not None and runs else ()
    except CannotEvaluate as error:
        return not_judged(f"its Plutus scripts cannot be evaluated ({error}); what they say is")
    if resolved.tx.is_valid and failed:
        found = listing([str(failure) for failure in failed])
        return Failure(VALIDATION_TAG_MISMATCH, f"Plutus scripts fail: {found}")
    if not resolved.tx.is_valid and not failed:
        return Failure(
            VALIDATION_TAG_MISMATCH,
            "it is marked as failing its scripts, but none of them fails",
        )
    return None


def _datum(resolved: Resolved, item: int) -> bytes | None:
    output = resolved.inputs[sorted(resolved.inputs)[item]]
    if output.datum is not None or output.datum_hash is None:
        return output.datum
    by_hash = {blake2b(raw, digest_size=32).digest(): raw for raw in resolved.tx.witnesses.datums}
    return by_hash.get(output.datum_hash)
