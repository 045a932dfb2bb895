"""The witness set: Conway's keys, no element twice, redeemers as a map, and guards among them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from facilitator.cardano.cbor import MAX_INT64, MAX_UINT32, DecodeError, Reader
from facilitator.cardano.cbor_dijkstra import read_unchanged
from facilitator.cardano.codec.dijkstra.scripts import read_native_script
from facilitator.cardano.codec.scripts import make_script, read_plutus_data
from facilitator.cardano.ended_forms import EndedForm, EndedFormError
from facilitator.cardano.transaction import (
    BootstrapWitness,
    Language,
    Redeemer,
    Script,
    VKeyWitness,
    Witnesses,
)

T = TypeVar("T")

_GUARDING = 6
_CHAIN_CODE_SIZE = 32

_VKEYS, _NATIVE, _BOOTSTRAPS, _PLUTUS_V1, _DATUMS, _REDEEMERS, _PLUTUS_V2, _PLUTUS_V3 = range(8)
_PLUTUS = {
    _PLUTUS_V1: Language.PLUTUS_V1,
    _PLUTUS_V2: Language.PLUTUS_V2,
    _PLUTUS_V3: Language.PLUTUS_V3,
}


def read_witnesses(reader: Reader) -> Witnesses:
    """Return the witness set at the reader's position. Raises :class:`DecodeError`."""
    found: dict[int, Any] = {}
    spans: dict[int, bytes] = {}
    for _ in reader.map("the witness set"):
        key = reader.unsigned("a key of the witness set")
        read = _FIELDS.get(key)
        if read is None:
            raise DecodeError(f"the witness set has no key {key} in Dijkstra")
        if key in found:
            raise DecodeError(f"the witness set has the key {key} twice")
        start = reader.pos
        found[key] = read(reader)
        spans[key] = reader.raw[start : reader.pos]
        if not found[key]:
            raise DecodeError(f"the key {key} of the witness set must not be empty")
    scripts = {script.hash: script for key in (_NATIVE, *_PLUTUS) for script in found.get(key, ())}
    return Witnesses(
        vkeys=found.get(_VKEYS, ()),
        bootstraps=found.get(_BOOTSTRAPS, ()),
        scripts=scripts or None,
        datums=found.get(_DATUMS, ()),
        datums_span=spans.get(_DATUMS),
        redeemers=found.get(_REDEEMERS, ()),
        redeemers_span=spans.get(_REDEEMERS),
    )


def _once(elements: Iterable[T], identity: Callable[[T], object], what: str) -> tuple[T, ...]:
    """Return the elements. Raises :class:`EndedFormError` if the ledger finds two of them equal."""
    found = tuple(elements)
    if len(set(map(identity, found))) != len(found):
        raise EndedFormError(EndedForm.DUPLICATE_WITNESS, f"{what} must not have an element twice")
    return found


def _read_vkeys(reader: Reader) -> tuple[VKeyWitness, ...]:
    what = "vkey witnesses (witness key 0)"
    return _once((_read_vkey(reader) for _ in reader.set(what)), _itself, what)


def _itself(element: object) -> object:
    return element


def _read_vkey(reader: Reader) -> VKeyWitness:
    length = reader.record(2, "a vkey witness")
    witness = VKeyWitness(
        reader.fixed(32, "the key of a vkey witness"),
        reader.fixed(64, "the signature of a vkey witness"),
    )
    reader.close(length, "a vkey witness")
    return witness


def _read_bootstraps(reader: Reader) -> tuple[BootstrapWitness, ...]:
    """Return bootstrap witnesses; two for one root are equal to the ledger."""
    what = "bootstrap witnesses (witness key 2)"
    found = (_read_bootstrap(reader) for _ in reader.set(what))
    return _once(found, lambda each: (each.vkey, each.chain_code, each.attributes), what)


def _read_bootstrap(reader: Reader) -> BootstrapWitness:
    length = reader.record(4, "a bootstrap witness")
    witness = BootstrapWitness(
        reader.fixed(32, "the key of a bootstrap witness"),
        reader.fixed(64, "the signature of a bootstrap witness"),
        reader.byte_string("the chain code of a bootstrap witness"),
        reader.byte_string("the attributes of a bootstrap witness"),
    )
    reader.close(length, "a bootstrap witness")
    if len(witness.chain_code) != _CHAIN_CODE_SIZE:
        raise EndedFormError(
            EndedForm.CHAIN_CODE_SIZE,
            f"the chain code of a bootstrap witness must have {_CHAIN_CODE_SIZE} bytes, not "
            f"{len(witness.chain_code)}",
        )
    return witness


def _read_native_scripts(reader: Reader) -> tuple[Script, ...]:
    what = "native scripts (witness key 1)"
    found = (make_script(Language.NATIVE, read_native_script(reader)) for _ in reader.set(what))
    return _once(found, lambda script: script.hash, what)


def _plutus_scripts_reader(language: Language, key: int) -> Callable[[Reader], tuple[Script, ...]]:
    what = f"Plutus scripts (witness key {key})"

    def read(reader: Reader) -> tuple[Script, ...]:
        found = tuple(make_script(language, reader.byte_string(what)) for _ in reader.set(what))
        if len({script.hash for script in found}) != len(found):
            raise DecodeError(f"{what} have a script twice")
        return found

    return read


def _read_datums(reader: Reader) -> tuple[bytes, ...]:
    what = "datums (witness key 4)"
    found = (read_unchanged(reader, read_plutus_data) for _ in reader.set(what))
    return _once(found, _itself, what)


def _read_redeemers(reader: Reader) -> tuple[Redeemer, ...]:
    """Return the redeemers of a map; of two for one item, the ledger keeps the last."""
    if not reader.opens_map():
        raise EndedFormError(
            EndedForm.LISTED_REDEEMERS, "redeemers (witness key 5) must be a map, not an array"
        )
    found: dict[tuple[int, int], Redeemer] = {}
    for _ in reader.map("redeemers (witness key 5)"):
        redeemer = _read_redeemer(reader)
        found[redeemer.tag, redeemer.index] = redeemer
    return tuple(found.values())


def _read_redeemer(reader: Reader) -> Redeemer:
    length = reader.record(2, "the key of a redeemer")
    tag = reader.unsigned("the purpose of a redeemer", _GUARDING)
    index = reader.unsigned("the index of a redeemer", MAX_UINT32)
    reader.close(length, "the key of a redeemer")
    length = reader.record(2, "a redeemer")
    data = read_unchanged(reader, read_plutus_data)
    budget = reader.record(2, "the budget of a redeemer")
    memory = reader.unsigned("the memory of a redeemer", MAX_INT64)
    steps = reader.unsigned("the steps of a redeemer", MAX_INT64)
    reader.close(budget, "the budget of a redeemer")
    reader.close(length, "a redeemer")
    return Redeemer(tag, index, data, memory, steps)


_FIELDS: Mapping[int, Callable[[Reader], object]] = {
    _VKEYS: _read_vkeys,
    _NATIVE: _read_native_scripts,
    _BOOTSTRAPS: _read_bootstraps,
    _DATUMS: _read_datums,
    _REDEEMERS: _read_redeemers,
    **{key: _plutus_scripts_reader(language, key) for key, language in _PLUTUS.items()},
}
