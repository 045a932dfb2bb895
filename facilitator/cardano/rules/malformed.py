"""Finds Plutus scripts that the ledger would not decode."""

from collections.abc import Iterable

from facilitator.cardano.plutus.flat_bits import MalformedScriptError
from facilitator.cardano.plutus.program import check_plutus
from facilitator.cardano.rules.failure import (
    Environment,
    Failure,
    format_items,
    refuse_unjudged,
)
from facilitator.cardano.transaction import Language, Script, Transaction


def find_malformed(
    rule: str, tx: Transaction, scripts: Iterable[Script], env: Environment
) -> Failure | None:
    """Return the failure for the transaction's Plutus scripts that are not well-formed, if any.

    Native scripts are checked when they are decoded. Transactions above ``maxTxSize`` are left
    out, so that no caller can cause more work than an acceptable transaction does.
    """
    if tx.size > env.parameters.max_tx_size:
        return None
    reasons: dict[bytes, str] = {}
    for script in scripts:
        if script.language is Language.PLUTUS_V4:
            return refuse_unjudged(f"scripts in Plutus V4 ({script.hash.hex()}) are")
        if script.language is not Language.NATIVE:
            try:
                check_plutus(script.body, script.language, env.parameters.protocol_major)
            except MalformedScriptError as error:
                reasons[script.hash] = str(error)
    if not reasons:
        return None
    found = format_items([f"{hash_.hex()} ({reason})" for hash_, reason in sorted(reasons.items())])
    return Failure(rule, f"Plutus scripts are not well-formed: {found}")
