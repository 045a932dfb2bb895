"""Rules over redeemers, datums and the script integrity hash of Plutus scripts."""

from collections.abc import Sequence
from hashlib import blake2b

import cbor2

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import PURPOSE_NAMES
from facilitator.cardano.rules.failure import Failure, format_items
from facilitator.cardano.rules.needed import Scripts, is_script_address
from facilitator.cardano.rules.outputs import list_created_outputs
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import Language, Transaction

_EMPTY_REDEEMERS = b"\xa0"


def missing_redeemers(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Alonzo UTXOW, ``MissingRedeemers``: one for every purpose of a Plutus script."""
    needed = {(purpose.tag, purpose.item) for purpose in scripts.plutus()}
    missing = needed - _redeemers(resolved.tx)
    if not missing:
        return None
    return Failure("MissingRedeemers", f"redeemers are missing for {_describe(missing)}")


def extra_redeemers(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Alonzo UTXOW, ``ExtraRedeemers``: none without a Plutus script that it is for.

    Left out while an input is missing.
    """
    redeemers = _redeemers(resolved.tx)
    if not redeemers or resolved.missing:
        return None
    extra = redeemers - {(purpose.tag, purpose.item) for purpose in scripts.plutus()}
    if not extra:
        return None
    return Failure("ExtraRedeemers", f"no Plutus script needs redeemers for {_describe(extra)}")


def unspendable_without_datum(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Alonzo UTXOW, ``UnspendableUTxONoDatumHash``: Plutus V1 and V2 spend with a datum."""
    unspendable = [
        str(ref)
        for ref, output in resolved.inputs.items()
        if output.datum is None
        and output.datum_hash is None
        and _language_at(output.address, scripts) in (Language.PLUTUS_V1, Language.PLUTUS_V2)
    ]
    if not unspendable:
        return None
    return Failure(
        "UnspendableUTxONoDatumHash",
        f"inputs at Plutus scripts have no datum: {format_items(unspendable)}",
    )


def missing_datums(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Alonzo UTXOW, ``MissingRequiredDatums``: every datum hash spent comes with its datum."""
    missing = _required_datums(resolved, scripts) - _datum_hashes(resolved.tx)
    if not missing:
        return None
    return Failure(
        "MissingRequiredDatums", f"datums are missing for the hashes {_format_hashes(missing)}"
    )


def supplemental_datums(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Alonzo UTXOW, ``NotAllowedSupplementalDatums``, with the Babbage set of allowed ones.

    A datum that no input needs must be that of a created output or of a reference input. Left
    out while an input is missing.
    """
    if not resolved.tx.witnesses.datums or resolved.missing:
        return None
    outputs = (*list_created_outputs(resolved.tx), *resolved.references.values())
    allowed = {output.datum_hash for output in outputs if output.datum_hash is not None}
    extra = _datum_hashes(resolved.tx) - _required_datums(resolved, scripts) - allowed
    if not extra:
        return None
    return Failure(
        "NotAllowedSupplementalDatums", f"no output refers to the datums {_format_hashes(extra)}"
    )


def script_integrity(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Alonzo UTXOW, ``PPViewHashesDontMatch``: the script integrity hash is what it must be.

    From protocol version 11 on its name is ``ScriptIntegrityHashMismatch``. Left out while an input
    is missing.
    """
    claimed = resolved.tx.body.script_data_hash
    if resolved.missing:
        return None
    languages = {script.language for script in scripts.plutus().values()}
    parameters = resolved.env.parameters
    right = compute_integrity_hash(resolved.tx, languages, parameters)
    if claimed == right:
        return None
    return Failure(
        "ScriptIntegrityHashMismatch"
        if parameters.protocol_major > 10
        else "PPViewHashesDontMatch",
        f"the script data hash is {claimed.hex() if claimed else 'absent'}, it must be "
        f"{right.hex() if right else 'absent'}",
    )


def compute_integrity_hash(
    tx: Transaction, languages: set[Language], parameters: ProtocolParameters
) -> bytes | None:
    """Return the hash over redeemers, datums and language views (Alonzo ``mkScriptIntegrity``)."""
    witnesses = tx.witnesses
    if not witnesses.redeemers and not witnesses.datums and not languages:
        return None
    redeemers = witnesses.redeemers_span or _EMPTY_REDEEMERS
    datums = (witnesses.datums_span or b"") if witnesses.datums else b""
    views = encode_language_views(languages, parameters)
    return blake2b(redeemers + datums + views, digest_size=32).digest()


def encode_language_views(languages: set[Language], parameters: ProtocolParameters) -> bytes:
    """Return the languages' cost models, shortest key first (Alonzo ``encodeLangViews``).

    Key and cost model of Plutus V1 are wrapped once more, and the model is an indefinite list, as
    in the ledger since its first version.
    """
    views = {}
    for language in languages:
        costs = parameters.cost_models.get(language - 1)
        key = cbor2.dumps(language - 1)
        if language == Language.PLUTUS_V1:
            views[cbor2.dumps(key)] = cbor2.dumps(_encode_indefinite(costs))
        else:
            views[key] = cbor2.dumps(None if costs is None else list(costs))
    ordered = sorted(views, key=lambda key: (len(key), key))
    return bytes([0xA0 + len(views)]) + b"".join(key + views[key] for key in ordered)


def _encode_indefinite(costs: Sequence[int] | None) -> bytes:
    if costs is None:
        return cbor2.dumps(None)
    return b"\x9f" + b"".join(map(cbor2.dumps, costs)) + b"\xff"


def _language_at(address: bytes, scripts: Scripts) -> Language | None:
    script = scripts.provided.get(address[1:29]) if is_script_address(address) else None
    return None if script is None else script.language


def _required_datums(resolved: ResolvedTransaction, scripts: Scripts) -> set[bytes]:
    return {
        output.datum_hash
        for output in resolved.inputs.values()
        if output.datum_hash is not None
        and _language_at(output.address, scripts) not in (None, Language.NATIVE)
    }


def _datum_hashes(tx: Transaction) -> set[bytes]:
    return {blake2b(datum, digest_size=32).digest() for datum in tx.witnesses.datums}


def _redeemers(tx: Transaction) -> set[tuple[int, int]]:
    return {(redeemer.tag, redeemer.index) for redeemer in tx.witnesses.redeemers}


def _describe(pointers: set[tuple[int, int]]) -> str:
    return format_items([f"{PURPOSE_NAMES[tag]} {index}" for tag, index in sorted(pointers)])


def _format_hashes(hashes: set[bytes]) -> str:
    return format_items(sorted(datum.hex() for datum in hashes))
