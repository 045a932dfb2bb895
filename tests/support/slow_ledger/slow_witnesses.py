"""UTXOW once more: signatures, native scripts, and data that hashes stand for.

From the specifications of Shelley, Allegra, Alonzo, Babbage and Conway, in the same terms as
:mod:`slow_ledger.slow_rules`.
"""

from collections.abc import Iterator
from hashlib import blake2b, sha3_256

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from support.slow_ledger.plain_cbor import Item, members, parse
from support.slow_ledger.plain_output import byron_parts, script_hash
from support.slow_ledger.plain_transaction import PlainTransaction
from support.slow_ledger.slow_view import View


def signatures(view: View) -> Iterator[str]:
    """Shelley UTXOW: those given hold, those needed are given (Conway ``getVKeyWitnessTxCert``)."""
    tx = view.tx
    for key, signature, *_ in [*tx.vkeys, *tx.bootstraps]:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, tx.id)
        except InvalidSignature:
            yield "InvalidWitnessesUTXOW"
    given = signed(tx)
    for key, _, chain_code, attributes in tx.bootstraps:
        root = sha3_256(cbor2.dumps([0, [0, key + chain_code], cbor2.loads(attributes)])).digest()
        given.add(blake2b(root, digest_size=28).digest())
    for key in keys_needed(view):
        if key not in given:
            yield "MissingVKeyWitnessesUTXOW"


def signed(tx: PlainTransaction) -> set[bytes]:
    """Hashes of the keys with a vkey witness."""
    return {blake2b(key, digest_size=28).digest() for key, _ in tx.vkeys}


def keys_needed(view: View) -> Iterator[bytes]:
    """Hashes of the keys, or Byron roots, that have to sign."""
    tx = view.tx
    collateral = [view.utxo[ref] for ref in tx.collateral if ref in view.utxo]
    for output in [*view.spent(), *collateral]:
        if output.address[0] >> 4 == 8:
            yield byron_parts(output.address)[0]
        elif output.address[0] >> 4 in (0, 2, 4, 6):
            yield output.address[1:29]
    yield from tx.required
    for address in tx.withdrawals:
        if address[0] >> 4 == 14:
            yield address[1:]
    for kind, *fields in tx.certificates:
        if kind == 3:
            yield fields[0]
            yield from set_members(fields[6])
        elif kind == 4:
            yield fields[0]
        elif kind != 0 and fields[0][0] == 0:
            yield fields[0][1]


def set_members(value: tuple[object, ...]) -> list[bytes]:
    """The byte strings of a set, under the tag 258 or not."""
    array = value[2] if value[:2] == ("tag", 258) else value
    assert isinstance(array, tuple)
    return list(array)


def scripts(view: View) -> Iterator[str]:
    """Shelley and Babbage UTXOW: scripts needed are there once, no others, and they hold."""
    tx = view.tx
    needed = set(scripts_needed(view))
    sources = [output.script for output in view.script_sources() if output.script is not None]
    referenced = {script_hash(*script): script for script in sources}
    for script in needed - referenced.keys():
        if script not in tx.scripts:
            yield "MissingScriptWitnessesUTXOW"
    for script in tx.scripts:
        if script not in needed - referenced.keys():
            yield "ExtraneousScriptWitnessesUTXOW"
    keys, start, end = signed(tx), tx.number(8), tx.number(3)
    for hash_ in needed:
        found = tx.scripts.get(hash_)
        if found is None and hash_ in referenced:
            language, body = referenced[hash_]
            assert language == 0, "no Plutus script is ever needed"
            found = parse(body)
        if found is not None and not holds(found, keys, start, end):
            yield "ScriptWitnessNotValidatingUTXOW"


def scripts_needed(view: View) -> Iterator[bytes]:
    """Conway ``getConwayScriptsNeeded``."""
    for output in view.spent():
        if output.address[0] >> 4 in (1, 3, 5, 7):
            yield output.address[1:29]
    for policy, _ in view.tx.mint:
        yield policy
    for address in view.tx.withdrawals:
        if address[0] >> 4 == 15:
            yield address[1:]
    for kind, *fields in view.tx.certificates:
        if kind not in (0, 3, 4) and fields[0][0] == 1:
            yield fields[0][1]


def holds(script: Item, keys: set[bytes], start: int | None, end: int | None) -> bool:
    """Allegra ``evalTimelock``, recursively."""
    kind = script.value[0].value
    argument = script.value[1].value
    if kind == 0:
        return argument in keys
    if kind == 1:
        return all(holds(part, keys, start, end) for part in argument)
    if kind == 2:
        return any(holds(part, keys, start, end) for part in argument)
    if kind == 3:
        return sum(holds(part, keys, start, end) for part in script.value[2].value) >= int(argument)
    if kind == 4:
        return start is not None and argument <= start
    return end is not None and end <= argument


def auxiliary_data(view: View) -> Iterator[str]:
    """Shelley UTXOW: the auxiliary data and its hash come together; its strings are short."""
    named, data = view.tx.body.get(7), view.tx.auxiliary
    if named is not None and data is None:
        yield "MissingTxMetadata"
    if named is None and data is not None:
        yield "MissingTxBodyMetadataHash"
    if named is not None and data is not None and named.value != blake2b_256(data):
        yield "ConflictingMetadataHash"
    if view.tx.longest_metadata_string > 64:
        yield "InvalidMetadata"


def blake2b_256(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def datums(view: View) -> Iterator[str]:
    """Alonzo UTXOW: datums that no output names are not allowed, and all of them are hashed."""
    tx = view.tx
    named = {output.datum_hash for output in view.created()}
    named |= {view.utxo[ref].datum_hash for ref in tx.references if ref in view.utxo}
    right = None
    if tx.datums is not None:
        for datum in members(tx.datums, may_repeat=True):
            if blake2b_256(datum.raw) not in named:
                yield "NotAllowedSupplementalDatums"
        right = blake2b_256(b"\xa0" + tx.datums.raw + b"\xa0")
    claimed = tx.body[11].value if 11 in tx.body else None
    if claimed != right:
        yield "PPViewHashesDontMatch"
    if not tx.is_valid:
        yield "ValidationTagMismatch"


WITNESS_RULES = (signatures, scripts, auxiliary_data, datums)
