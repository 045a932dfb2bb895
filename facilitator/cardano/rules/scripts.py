"""Rules over scripts: exactly the needed ones are provided, and native ones hold."""

from collections.abc import Iterable

from facilitator.cardano.rules.failure import Environment, Failure, format_items
from facilitator.cardano.rules.future_signers import list_signers
from facilitator.cardano.rules.malformed import find_malformed
from facilitator.cardano.rules.needed import Scripts
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.scripts import NativeScriptContext, native_script_holds
from facilitator.cardano.transaction import Body, Credential, Language, Transaction


def missing_scripts(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Shelley UTXOW, ``MissingScriptWitnessesUTXOW``: as Babbage computes it.

    Left out while an input is missing, which may be the one that provides the script.
    """
    if resolved.missing:
        return None
    missing = {purpose.script for purpose in scripts.needed} - scripts.provided.keys()
    if not missing:
        return None
    return Failure(
        "MissingScriptWitnessesUTXOW",
        f"scripts are neither witnessed nor referenced: {_format_hashes(missing)}",
    )


def extraneous_scripts(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Shelley UTXOW, ``ExtraneousScriptWitnessesUTXOW``: as Babbage computes it.

    A witnessed script is extraneous if no purpose needs it, or if a reference script provides it
    already. Left out while an input is missing.
    """
    witnessed = resolved.tx.witnesses.scripts
    if not witnessed or resolved.missing:
        return None
    needed = {purpose.script for purpose in scripts.needed} - scripts.referenced
    extra = witnessed.keys() - needed
    if not extra:
        return None
    return Failure(
        "ExtraneousScriptWitnessesUTXOW",
        f"witnessed scripts are not needed: {_format_hashes(extra)}",
    )


def native_scripts_not_validating(
    resolved: ResolvedTransaction, scripts: Scripts
) -> Failure | None:
    """Shelley UTXOW, ``ScriptWitnessNotValidatingUTXOW``: every native script needed holds."""
    natives = {
        purpose.script: scripts.provided[purpose.script]
        for purpose in scripts.needed
        if purpose.script in scripts.provided
        and scripts.provided[purpose.script].language == Language.NATIVE
    }
    if not natives:
        return None
    body = resolved.tx.body
    witnessed = NativeScriptContext(
        list_signers(resolved.tx.witnesses, resolved.env.future_signers),
        body.invalid_before,
        body.invalid_hereafter,
        frozenset(_list_guards(body)),
    )
    failed = {
        script.hash
        for script in natives.values()
        if not native_script_holds(script.body, witnessed)
    }
    if not failed:
        return None
    return Failure(
        "ScriptWitnessNotValidatingUTXOW",
        f"signatures and validity interval do not satisfy native scripts: {_format_hashes(failed)}",
    )


def _list_guards(body: Body) -> Iterable[Credential]:
    """Return the guards; Conway's required signers are guards to Dijkstra."""
    if body.dijkstra is not None:
        return body.dijkstra.guards
    return (Credential(is_script=False, hash=key) for key in body.required_signers)


def malformed_script_witnesses(tx: Transaction, env: Environment) -> Failure | None:
    """Babbage UTXOW, ``MalformedScriptWitnesses``: the ledger decodes those witnessed."""
    if not tx.witnesses.scripts:
        return None
    return find_malformed("MalformedScriptWitnesses", tx, tx.witnesses.scripts.values(), env)


def _format_hashes(hashes: set[bytes]) -> str:
    return format_items(sorted(script.hex() for script in hashes))
