"""Script contexts of Plutus V1 and V2 (``PlutusLedgerApi.V1`` and ``.V2``, ``ScriptContext``)."""

from collections.abc import Callable, Mapping
from hashlib import blake2b

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.phase2.data import Constr, Data, Map, build_maybe, decode_data
from facilitator.cardano.phase2.values import (
    build_address,
    build_assets,
    build_pairs,
    build_reference,
    build_staking_hash,
    build_transaction_id,
    build_valid_range,
    build_value,
    sort_signatories,
)
from facilitator.cardano.rules.evaluation import CannotEvaluate
from facilitator.cardano.rules.needed import CERTIFYING, MINTING, REWARDING, SPENDING
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import (
    Assets,
    Certificate,
    Credential,
    Output,
    OutputRef,
    Value,
)

_REGISTERS, _DEREGISTERS, _DELEGATES, _POOL, _POOL_RETIRES = 0, 1, 2, 3, 4
_PLAIN = {7: _REGISTERS, 8: _DEREGISTERS}
"""Kinds of certificates that contexts show as the kind without a deposit."""


def build_context_v1(
    resolved: ResolvedTransaction, eras: EraSummary, tag: int, item: int
) -> Constr:
    """Return the context for the purpose with the redeemer tag ``tag`` and the index ``item``."""
    body = resolved.tx.body
    info = Constr(
        0,
        (
            _build_inputs(resolved.inputs, _build_output_v1),
            tuple(_build_output_v1(output) for output in body.outputs),
            build_value(Value(body.fee, {})),
            _build_minted(body.mint or {}),
            tuple(map(_build_certificate, body.certificates)),
            build_pairs(_build_withdrawals(resolved)),
            build_valid_range(body, eras, resolved.env.parameters.protocol_major),
            sort_signatories(body),
            build_pairs(build_datums(resolved)),
            build_transaction_id(resolved.tx.id, wrapped=True),
        ),
    )
    return Constr(0, (info, build_purpose(resolved, tag, item)))


def build_context_v2(
    resolved: ResolvedTransaction, eras: EraSummary, tag: int, item: int
) -> Constr:
    """Return the context of V2, as :func:`build_context_v1` does for V1."""
    body = resolved.tx.body
    info = Constr(
        0,
        (
            _build_inputs(resolved.inputs, build_output_v2),
            _build_inputs(resolved.references, build_output_v2),
            tuple(build_output_v2(output) for output in body.outputs),
            build_value(Value(body.fee, {})),
            _build_minted(body.mint or {}),
            tuple(map(_build_certificate, body.certificates)),
            Map(tuple(_build_withdrawals(resolved))),
            build_valid_range(body, eras, resolved.env.parameters.protocol_major),
            sort_signatories(body),
            Map(
                tuple(
                    (build_purpose(resolved, found.tag, found.index), decode_data(found.data))
                    for found in sorted(resolved.tx.witnesses.redeemers)
                )
            ),
            Map(tuple(build_datums(resolved))),
            build_transaction_id(resolved.tx.id, wrapped=True),
        ),
    )
    return Constr(0, (info, build_purpose(resolved, tag, item)))


def build_purpose(resolved: ResolvedTransaction, tag: int, item: int) -> Constr:
    """Return the ``ScriptPurpose`` of a redeemer."""
    body = resolved.tx.body
    if tag == SPENDING:
        return Constr(1, (build_reference(sorted(resolved.inputs)[item], wrapped=True),))
    if tag == MINTING:
        return Constr(0, (sorted({asset[:28] for asset in body.mint or {}})[item],))
    if tag == REWARDING:
        return Constr(2, (build_staking_hash(sort_rewarded(resolved)[item]),))
    if tag == CERTIFYING:
        return Constr(3, (_build_certificate(body.certificates[item]),))
    raise CannotEvaluate("Plutus V1 and V2 have no votes and proposals")


def sort_rewarded(resolved: ResolvedTransaction) -> list[Credential]:
    """Return the credentials of withdrawals in the ledger's order: scripts precede keys."""
    found = map(reward_credential, resolved.tx.body.withdrawals or {})
    return sorted(found, key=lambda credential: (not credential.is_script, credential.hash))


def build_datums(resolved: ResolvedTransaction) -> list[tuple[Data, Data]]:
    """Return the datums of the witness set, by ascending hash."""
    found = {blake2b(raw, digest_size=32).digest(): raw for raw in resolved.tx.witnesses.datums}
    return [(digest, decode_data(found[digest])) for digest in sorted(found)]


def read_pool_vrf(found: Certificate) -> bytes:
    """Return the hash of the VRF key that a pool's registration names."""
    vrf = found.details[0]
    if not isinstance(vrf, bytes):
        raise CannotEvaluate("a pool's registration names no VRF key")
    return vrf


def build_output_v2(output: Output) -> Constr:
    """Return the ``TxOut`` of V2 and V3."""
    if output.datum is not None:
        datum = Constr(2, (decode_data(output.datum),))
    elif output.datum_hash is not None:
        datum = Constr(1, (output.datum_hash,))
    else:
        datum = Constr(0)
    script = build_maybe(None if output.script is None else output.script.hash)
    return Constr(0, (build_address(output.address), build_value(output.value), datum, script))


def _build_output_v1(output: Output) -> Constr:
    return Constr(
        0,
        (build_address(output.address), build_value(output.value), build_maybe(output.datum_hash)),
    )


def _build_inputs(
    found: Mapping[OutputRef, Output], build_output: Callable[[Output], Constr]
) -> tuple[Constr, ...]:
    return tuple(
        Constr(0, (build_reference(ref, wrapped=True), build_output(found[ref])))
        for ref in sorted(found)
    )


def _build_minted(found: Assets) -> Map:
    """Return the minted value, which begins with zero lovelace in V1 and V2."""
    return Map(((b"", Map(((b"", 0),))), *build_assets(found).pairs))


def _build_withdrawals(resolved: ResolvedTransaction) -> list[tuple[Data, Data]]:
    """Return amounts by ascending credential in Plutus' order: keys precede scripts."""
    found = resolved.tx.body.withdrawals or {}
    amounts = {reward_credential(account): amount for account, amount in found.items()}
    return [(build_staking_hash(account), amounts[account]) for account in sorted(amounts)]


def _build_certificate(found: Certificate) -> Constr:
    """Return the ``DCert``."""
    kind = _PLAIN.get(found.kind, found.kind)
    if kind == _POOL and found.pool is not None:
        return Constr(3, (found.pool, read_pool_vrf(found)))
    if kind == _POOL_RETIRES and found.pool is not None and found.epoch is not None:
        return Constr(4, (found.pool, found.epoch))
    if found.credential is not None:
        if kind in (_REGISTERS, _DEREGISTERS):
            return Constr(kind, (build_staking_hash(found.credential),))
        if kind == _DELEGATES and found.pool is not None:
            return Constr(2, (build_staking_hash(found.credential), found.pool))
    raise CannotEvaluate(f"Plutus V1 and V2 have no certificates of kind {found.kind}")
