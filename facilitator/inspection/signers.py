"""The keys that must sign a transaction, their purposes, and the signatures."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from facilitator.cardano.addresses.address import read_address, reward_credential
from facilitator.cardano.addresses.byron import compute_bootstrap_root
from facilitator.cardano.rules import find_certificate_keys
from facilitator.cardano.rules.witnesses import KEY_VOTERS
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.transaction import Body, Output, OutputRef, Transaction


def signers(tx: Transaction, utxo: Mapping[OutputRef, Output]) -> list[dict[str, Any]]:
    """Return each key hash (or Byron root) that must sign or has signed, with its purposes.

    Inputs that ``utxo`` lacks are left out.
    """
    needed: dict[bytes, list[str]] = {}
    for key, purpose in _needed(tx.body, utxo):
        needed.setdefault(key, []).append(purpose)
    signed = dict(_signed(tx))
    return [
        {
            "key": key.hex(),
            "for": needed.get(key, []),
            "signed": key in signed,
            "signatureHolds": signed.get(key),
        }
        for key in dict.fromkeys([*needed, *signed])
    ]


def _needed(body: Body, utxo: Mapping[OutputRef, Output]) -> Iterator[tuple[bytes, str]]:
    for what, refs in (("input", body.inputs), ("collateral", body.collateral)):
        for ref in dict.fromkeys(refs):
            if ref in utxo and (key := _owner(utxo[ref].address)):
                yield key, f"{what} {ref}"
    for key in body.required_signers:
        yield key, "required signer"
    for address in body.withdrawals or ():
        credential = reward_credential(address)
        if not credential.is_script:
            yield credential.hash, "withdrawal"
    for index, certificate in enumerate(body.certificates):
        for key in find_certificate_keys(certificate):
            yield key, f"certificate {index}"
    for kind, key in body.voters:
        if kind in KEY_VOTERS:
            yield key, "vote"


def _owner(raw: bytes) -> bytes | None:
    address = read_address(raw)
    if address.byron is not None:
        return address.byron.root
    payment = address.payment
    return payment.hash if payment is not None and not payment.is_script else None


def _signed(tx: Transaction) -> Iterator[tuple[bytes, bool]]:
    for witness in tx.witnesses.vkeys:
        key = blake2b(witness.vkey, digest_size=28).digest()
        yield key, signature_holds(witness.vkey, tx.id, witness.signature)
    for bootstrap in tx.witnesses.bootstraps:
        root = compute_bootstrap_root(bootstrap.vkey, bootstrap.chain_code, bootstrap.attributes)
        yield root, signature_holds(bootstrap.vkey, tx.id, bootstrap.signature)
