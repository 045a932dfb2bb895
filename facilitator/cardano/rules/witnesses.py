"""Rules over signatures: all of them hold, and every key that must sign has signed."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.addresses.byron import compute_bootstrap_root, read_byron
from facilitator.cardano.rules.certificates import REGISTERS_POOL, RETIRES_POOL
from facilitator.cardano.rules.failure import Environment, Failure, format_items
from facilitator.cardano.rules.future_signers import list_signers
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.transaction import (
    Body,
    BootstrapWitness,
    Certificate,
    Output,
    Transaction,
    VKeyWitness,
    Witnesses,
)

KEY_VOTERS = frozenset({0, 2, 4})
"""Kinds of voter (CDDL ``voter``) that are keys: committee, DRep, pool."""


FIRST_SIGNATURES = 16
"""Signatures that are verified before outputs are looked up; honest payments seldom have more.

Each costs as much as a tenth of a payment's verdict, and anybody can make 150 for one transaction.
"""


def invalid_witnesses(tx: Transaction, _env: Environment) -> Failure | None:
    """Shelley UTXOW, ``InvalidWitnessesUTXOW``: each signature is one of the transaction id.

    This is about the first :data:`FIRST_SIGNATURES`. The search ends at the third that is not.
    """
    return _find_invalid(tx, islice(_signatures(tx), FIRST_SIGNATURES))


def further_invalid_witnesses(resolved: ResolvedTransaction) -> Failure | None:
    """Shelley UTXOW, ``InvalidWitnessesUTXOW``, for the further signatures."""
    tx = resolved.tx
    return _find_invalid(tx, islice(_signatures(tx), FIRST_SIGNATURES, None))


def has_further_signatures(tx: Transaction) -> bool:
    """Return True if :func:`further_invalid_witnesses` concerns the transaction."""
    return len(tx.witnesses.vkeys) + len(tx.witnesses.bootstraps) > FIRST_SIGNATURES


def _signatures(tx: Transaction) -> Iterator[VKeyWitness | BootstrapWitness]:
    return chain(tx.witnesses.vkeys, tx.witnesses.bootstraps)


def _find_invalid(
    tx: Transaction, signatures: Iterable[VKeyWitness | BootstrapWitness]
) -> Failure | None:
    invalid = (
        each.vkey.hex()
        for each in signatures
        if not signature_holds(each.vkey, tx.id, each.signature)
    )
    named = list(islice(invalid, 3))
    if not named:
        return None
    return Failure(
        "InvalidWitnessesUTXOW",
        f"signatures do not hold for transaction {tx.id.hex()} under: {format_items(named)}",
    )


def missing_body_witnesses(tx: Transaction, env: Environment) -> Failure | None:
    """Shelley UTXOW, ``MissingVKeyWitnessesUTXOW``, for the keys that the body itself names."""
    return _check_signed({*_find_body_keys(tx.body)}, tx.witnesses, env.future_signers)


def missing_input_witnesses(resolved: ResolvedTransaction) -> Failure | None:
    """Shelley UTXOW, ``MissingVKeyWitnessesUTXOW``, for the owners of inputs and collateral."""
    outputs = (*resolved.inputs.values(), *resolved.collateral.values())
    return unsigned_owners(outputs, resolved.tx.witnesses, resolved.env.future_signers)


def unsigned_owners(
    outputs: Iterable[Output], witnesses: Witnesses, future_signers: frozenset[bytes]
) -> Failure | None:
    """Return the failure of the outputs whose owners neither have signed nor are going to."""
    return _check_signed(set(_find_owners(outputs)), witnesses, future_signers)


def _check_signed(
    needed: set[bytes], witnesses: Witnesses, future_signers: frozenset[bytes]
) -> Failure | None:
    if not needed:
        return None
    missing = needed - list_signers(witnesses, future_signers)
    if missing and witnesses.bootstraps:
        missing -= {
            compute_bootstrap_root(witness.vkey, witness.chain_code, witness.attributes)
            for witness in witnesses.bootstraps
        }
    if not missing:
        return None
    hashes = sorted(key.hex() for key in missing)
    return Failure("MissingVKeyWitnessesUTXOW", f"keys have not signed: {format_items(hashes)}")


def _find_owners(outputs: Iterable[Output]) -> Iterator[bytes]:
    """Yield key hashes or Byron roots of the outputs that no script locks."""
    for output in outputs:
        address = output.address
        if not address[0] & 0x90:
            yield address[1:29]
        elif address[0] & 0x80:
            yield read_byron(address).root


def _find_body_keys(body: Body) -> Iterator[bytes]:
    yield from body.required_signers
    for address in body.withdrawals or ():
        if not reward_credential(address).is_script:
            yield address[1:]
    for certificate in body.certificates:
        yield from find_certificate_keys(certificate)
    for kind, voter in body.voters:
        if kind in KEY_VOTERS:
            yield voter


def find_certificate_keys(certificate: Certificate) -> Iterator[bytes]:
    """Yield the keys that must sign a certificate (Conway ``getVKeyWitnessTxCert``).

    A registration without deposit (kind 0) needs no signature.
    """
    if certificate.kind in REGISTERS_POOL | RETIRES_POOL:
        if certificate.pool is not None:
            yield certificate.pool
        yield from certificate.pool_owners
        return
    credential = certificate.credential
    if certificate.kind != 0 and credential is not None and not credential.is_script:
        yield credential.hash
