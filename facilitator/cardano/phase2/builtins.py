"""Plutus data for the evaluator, and builtin functions over it that it has otherwise."""

from collections.abc import Callable

from uplc.ast import (
    AST,
    BuiltinByteString,
    BuiltInFun,
    BuiltinInteger,
    BuiltinList,
    BuiltinPair,
    BuiltinUnit,
    PlutusByteString,
    PlutusConstr,
    PlutusData,
    PlutusInteger,
    PlutusList,
    PlutusMap,
)

from facilitator.cardano.phase2.data import Constr, Data, Map, encode_data

_EMPTY_PAIR = BuiltinPair(PlutusData(), PlutusData())


class OrderedMap(PlutusMap):
    """A map whose pairs have an order and may have equal keys, as those of the ledger."""

    def __post_init__(self) -> None:
        """Keep the pairs as they are."""

    def d_ex_mem(self) -> int:
        """The words of memory that the pairs take."""
        return sum(key.ex_mem() + value.ex_mem() for key, value in self.value)


def to_uplc(data: Data) -> PlutusData:
    """The data as the evaluator's values."""
    if isinstance(data, int):
        return PlutusInteger(data)
    if isinstance(data, bytes):
        return PlutusByteString(data)
    if isinstance(data, Constr):
        return PlutusConstr(data.tag, [to_uplc(field) for field in data.fields])
    if isinstance(data, Map):
        return OrderedMap(tuple([(to_uplc(key), to_uplc(value)) for key, value in data.pairs]))
    return PlutusList([to_uplc(item) for item in data])


def from_uplc(value: PlutusData) -> Data:
    """The evaluator's value as data."""
    if isinstance(value, PlutusConstr):
        return Constr(value.constructor, tuple([from_uplc(field) for field in value.fields]))
    if isinstance(value, OrderedMap):
        return Map(tuple([(from_uplc(key), from_uplc(item)) for key, item in value.value]))
    if isinstance(value, PlutusList):
        return tuple([from_uplc(item) for item in value.value])
    data: int | bytes = value.value
    return data


def _map_data(pairs: BuiltinList) -> PlutusData:
    sample = _expect(_expect(pairs, BuiltinList).sample_value, BuiltinPair)
    _expect(sample.l_value, PlutusData)
    _expect(sample.r_value, PlutusData)
    return OrderedMap(tuple([(pair.l_value, pair.r_value) for pair in pairs.values]))


def _un_map_data(data: PlutusData) -> AST:
    pairs = [BuiltinPair(key, value) for key, value in _expect(data, OrderedMap).value]
    return BuiltinList(pairs, _EMPTY_PAIR)


def _list_data(items: BuiltinList) -> PlutusData:
    return PlutusList(_data_items(items))


def _constr_data(tag: BuiltinInteger, fields: BuiltinList) -> PlutusData:
    return PlutusConstr(_expect(tag, BuiltinInteger).value, _data_items(fields))


def _data_items(items: BuiltinList) -> list[PlutusData]:
    _expect(_expect(items, BuiltinList).sample_value, PlutusData)
    found: list[PlutusData] = items.values
    return found


def _mk_pair_data(first: AST, second: AST) -> AST:
    return BuiltinPair(_expect(first, PlutusData), _expect(second, PlutusData))


def _mk_nil_data(unit: AST) -> AST:
    _expect(unit, BuiltinUnit)
    return BuiltinList([], PlutusData())


def _mk_nil_pair_data(unit: AST) -> AST:
    _expect(unit, BuiltinUnit)
    return BuiltinList([], _EMPTY_PAIR)


def _serialise_data(data: PlutusData) -> AST:
    return BuiltinByteString(encode_data(from_uplc(_expect(data, PlutusData))))


def _wrapping_cons(byte: BuiltinInteger, rest: BuiltinByteString) -> AST:
    wrapped = _expect(byte, BuiltinInteger).value % 256
    return BuiltinByteString(bytes([wrapped]) + _expect(rest, BuiltinByteString).value)


def _expect(value: AST, kind: type[AST]) -> AST:
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} is needed")
    return value


CORRECTED: dict[BuiltInFun, Callable[..., AST]] = {
    BuiltInFun.MapData: _map_data,
    BuiltInFun.UnMapData: _un_map_data,
    BuiltInFun.ListData: _list_data,
    BuiltInFun.ConstrData: _constr_data,
    BuiltInFun.MkPairData: _mk_pair_data,
    BuiltInFun.MkNilData: _mk_nil_data,
    BuiltInFun.MkNilPairData: _mk_nil_pair_data,
    BuiltInFun.SerialiseData: _serialise_data,
}

CORRECTED_BEFORE_V3 = CORRECTED | {BuiltInFun.ConsByteString: _wrapping_cons}
"""As :data:`CORRECTED`, for Plutus V1 and V2, where numbers are taken modulo 256 as bytes."""

UNSUPPORTED = frozenset(
    builtin
    for builtin in BuiltInFun
    if builtin.name.startswith("Bls12_381")
    or builtin
    in (BuiltInFun.VerifyEcdsaSecp256k1Signature, BuiltInFun.VerifySchnorrSecp256k1Signature)
)
"""Functions that need native libraries, whose checks of their arguments are not known to agree."""
