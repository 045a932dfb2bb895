"""Which Plutus scripts the ledger would not decode."""

from collections.abc import Iterable

from facilitator.cardano.plutus.flat_bits import MalformedScriptError
from facilitator.cardano.plutus.program import check_plutus
from facilitator.cardano.rules.failure import Environment, Failure, listing
from facilitator.cardano.transaction import Language, Script, Transaction


def malformed(
    rule: str, tx: Transaction, scripts: Iterable[Script], env: Environment
) -> Failure | None:
    """The failure of those of the transaction's Plutus scripts that are not well-formed, if any.

    Native scripts are taken or refused when they are decoded. Left out beyond ``maxTxSize``, so
    that nobody can have more gone over than could ever be accepted.
    """
    if tx.size > env.parameters.max_tx_size:
        return None
    reasons: dict[bytes, str] = {}
    for script in scripts:
        if script.language is not Language.NATIVE:
            try:
                check_plutus(script.body, script.language, env.parameters.protocol_major)
            except MalformedScriptError as error:
                reasons[script.hash] = str(error)
    if not reasons:
        return None
    found = listing([f"{hash_.hex()} ({reason})" for hash_, reason in sorted(reasons.items())])
    return Failure(rule, f"Plutus scripts are not well-formed: {found}")
