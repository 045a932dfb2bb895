"""The witness set (CDDL ``transaction_witness_set``, Conway)."""

from collections.abc import Callable, Mapping
from typing import Any

from facilitator.cardano.cbor import (
    MAX_INT64,
    MAX_UINT32,
    DecodeError,
    Reader,
)
from facilitator.cardano.codec.scripts import make_script, read_native_script, read_plutus_data
from facilitator.cardano.transaction import (
    BootstrapWitness,
    Language,
    Redeemer,
    Script,
    VKeyWitness,
    Witnesses,
)

_LAST_PURPOSE = 5


def read_witnesses(reader: Reader) -> Witnesses:
    """Return the witness set at the reader's position. Raises :class:`DecodeError`."""
    found: dict[int, Any] = {}
    spans: dict[int, bytes] = {}
    for _ in reader.map("the witness set"):
        key = reader.unsigned("a key of the witness set")
        read = _FIELDS.get(key)
        if read is None:
            raise DecodeError(f"the witness set has no key {key} in Conway")
        if key in found:
            raise DecodeError(f"the witness set has the key {key} twice")
        start = reader.pos
        found[key] = read(reader)
        if key in (_DATUMS, _REDEEMERS):
            spans[key] = reader.raw[start : reader.pos]
        if not found[key]:
            raise DecodeError(f"the key {key} of the witness set must not be empty")
    scripts: dict[bytes, Script] = {}
    if not found.keys().isdisjoint(_SCRIPTS):
        for key in _SCRIPTS:
            scripts.update(found.get(key, {}))
    return Witnesses(
        vkeys=found.get(_VKEYS, ()),
        bootstraps=found.get(_BOOTSTRAPS, ()),
        scripts=scripts or None,
        datums=found.get(_DATUMS, ()),
        datums_span=spans.get(_DATUMS),
        redeemers=found.get(_REDEEMERS, ()),
        redeemers_span=spans.get(_REDEEMERS),
    )


def _read_vkeys(reader: Reader) -> tuple[VKeyWitness, ...]:
    return tuple([_read_vkey(reader) for _ in reader.set("vkey witnesses (witness key 0)")])


def _read_vkey(reader: Reader) -> VKeyWitness:
    length = reader.record(2, "a vkey witness")
    witness = VKeyWitness(
        reader.fixed(32, "the key of a vkey witness"),
        reader.fixed(64, "the signature of a vkey witness"),
    )
    reader.close(length, "a vkey witness")
    return witness


def _read_bootstraps(reader: Reader) -> tuple[BootstrapWitness, ...]:
    """Return bootstrap witnesses; of several for one root, the ledger's set keeps the last."""
    found: dict[bytes, BootstrapWitness] = {}
    for _ in reader.set("bootstrap witnesses (witness key 2)"):
        witness = _read_bootstrap(reader)
        found[witness.vkey + witness.chain_code + witness.attributes] = witness
    return tuple(found.values())


def _read_bootstrap(reader: Reader) -> BootstrapWitness:
    length = reader.record(4, "a bootstrap witness")
    witness = BootstrapWitness(
        reader.fixed(32, "the key of a bootstrap witness"),
        reader.fixed(64, "the signature of a bootstrap witness"),
        reader.byte_string("the chain code of a bootstrap witness"),
        reader.byte_string("the attributes of a bootstrap witness"),
    )
    reader.close(length, "a bootstrap witness")
    return witness


def _read_native_scripts(reader: Reader) -> Mapping[bytes, Script]:
    """Return native scripts by hash; up to protocol version 11 the ledger merges equal ones."""
    found: dict[bytes, Script] = {}
    for _ in reader.set("native scripts (witness key 1)"):
        script = make_script(Language.NATIVE, read_native_script(reader))
        found[script.hash] = script
    return found


def _plutus_scripts_reader(
    language: Language, key: int
) -> Callable[[Reader], Mapping[bytes, Script]]:
    what = f"Plutus scripts (witness key {key})"

    def read(reader: Reader) -> Mapping[bytes, Script]:
        found: dict[bytes, Script] = {}
        for _ in reader.set(what):
            script = make_script(language, reader.byte_string(what))
            if script.hash in found:
                raise DecodeError(f"{what} have the script {script.hash.hex()} twice")
            found[script.hash] = script
        return found

    return read


def _read_datums(reader: Reader) -> tuple[bytes, ...]:
    return tuple([read_plutus_data(reader) for _ in reader.set("datums (witness key 4)")])


def _read_redeemers(reader: Reader) -> tuple[Redeemer, ...]:
    """Return redeemers in either form; of two for one item, the ledger keeps the last."""
    is_map = reader.opens_map()
    read = _read_mapped_redeemer if is_map else _read_listed_redeemer
    turns = reader.map if is_map else reader.array
    found: dict[tuple[int, int], Redeemer] = {}
    for _ in turns("redeemers (witness key 5)"):
        redeemer = read(reader)
        found[redeemer.tag, redeemer.index] = redeemer
    return tuple(found.values())


def _read_listed_redeemer(reader: Reader) -> Redeemer:
    length = reader.record(4, "a redeemer")
    redeemer = Redeemer(*_read_item(reader), read_plutus_data(reader), *_read_budget(reader))
    reader.close(length, "a redeemer")
    return redeemer


def _read_mapped_redeemer(reader: Reader) -> Redeemer:
    length = reader.record(2, "the key of a redeemer")
    tag, index = _read_item(reader)
    reader.close(length, "the key of a redeemer")
    # The ledger reads a plain tuple here, which below protocol version 12 must be definite.
    if reader.record(2, "a redeemer") is None:
        raise DecodeError("a redeemer in a map must be a definite array")
    return Redeemer(tag, index, read_plutus_data(reader), *_read_budget(reader))


def _read_item(reader: Reader) -> tuple[int, int]:
    return (
        reader.unsigned("the purpose of a redeemer", _LAST_PURPOSE),
        reader.unsigned("the index of a redeemer", MAX_UINT32),
    )


def _read_budget(reader: Reader) -> tuple[int, int]:
    length = reader.record(2, "the budget of a redeemer")
    budget = (
        reader.unsigned("the memory of a redeemer", MAX_INT64),
        reader.unsigned("the steps of a redeemer", MAX_INT64),
    )
    reader.close(length, "the budget of a redeemer")
    return budget


_VKEYS, _NATIVE, _BOOTSTRAPS, _PLUTUS_V1, _DATUMS, _REDEEMERS, _PLUTUS_V2, _PLUTUS_V3 = range(8)
_SCRIPTS = (_NATIVE, _PLUTUS_V1, _PLUTUS_V2, _PLUTUS_V3)

_FIELDS: dict[int, Callable[[Reader], object]] = {
    _VKEYS: _read_vkeys,
    _NATIVE: _read_native_scripts,
    _BOOTSTRAPS: _read_bootstraps,
    _PLUTUS_V1: _plutus_scripts_reader(Language.PLUTUS_V1, _PLUTUS_V1),
    _DATUMS: _read_datums,
    _REDEEMERS: _read_redeemers,
    _PLUTUS_V2: _plutus_scripts_reader(Language.PLUTUS_V2, _PLUTUS_V2),
    _PLUTUS_V3: _plutus_scripts_reader(Language.PLUTUS_V3, _PLUTUS_V3),
}
