"""Plutus data for the evaluator, and the builtin functions that differ from the evaluator's."""

from collections.abc import Callable, Mapping

from uplc.ast import (
    AST,
    BuiltinByteString,
    BuiltInFun,
    BuiltInFunEvalMap,
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

from facilitator.cardano.cbor import MAX_INT64, MAX_UINT64, MIN_INT64
from facilitator.cardano.phase2.data import Constr, Data, Map, encode_data
from facilitator.cardano.plutus.program import VAN_ROSSEM
from facilitator.cardano.transaction import Language

_EMPTY_PAIR = BuiltinPair(PlutusData(), PlutusData())


class OrderedMap(PlutusMap):
    """A map whose pairs have an order and may have equal keys, as in the ledger."""

    def __post_init__(self) -> None:
        """Keep the pairs unchanged."""

    def d_ex_mem(self) -> int:
        """Return the size of the pairs in words of memory."""
        return sum(key.ex_mem() + value.ex_mem() for key, value in self.value)


def to_uplc(data: Data) -> PlutusData:
    """Return the data as values of the evaluator."""
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
    """Return the evaluator's value as data."""
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


def _constr_data_64(tag: BuiltinInteger, fields: BuiltinList) -> PlutusData:
    if not 0 <= _expect(tag, BuiltinInteger).value <= MAX_UINT64:
        raise ValueError("an alternative must fit 64 bits")
    return _constr_data(tag, fields)


def _slice(start: BuiltinInteger, size: BuiltinInteger, raw: BuiltinByteString) -> AST:
    first, count = max(_expect_int64(start), 0), max(_expect_int64(size), 0)
    return BuiltinByteString(_expect(raw, BuiltinByteString).value[first:][:count])


def _shift(raw: BuiltinByteString, by: BuiltinInteger) -> AST:
    value, amount = _expect(raw, BuiltinByteString).value, _expect(by, BuiltinInteger).value
    bits = 8 * len(value)
    number = int.from_bytes(value, "big")
    if abs(amount) >= bits:
        number = 0
    elif amount >= 0:
        number = number << amount & (1 << bits) - 1
    else:
        number >>= -amount
    return BuiltinByteString(number.to_bytes(len(value), "big"))


def _shift_64(raw: BuiltinByteString, by: BuiltinInteger) -> AST:
    _expect_int64(by)
    return _shift(raw, by)


def _rotate_64(raw: BuiltinByteString, by: BuiltinInteger) -> AST:
    _expect_int64(by)
    rotated: AST = BuiltInFunEvalMap[BuiltInFun.RotateByteString](raw, by)
    return rotated


def _expect_int64(number: BuiltinInteger) -> int:
    value: int = _expect(number, BuiltinInteger).value
    if not MIN_INT64 <= value <= MAX_INT64:
        raise ValueError("the number must fit a signed 64-bit integer")
    return value


def _wrapping_cons(byte: BuiltinInteger, rest: BuiltinByteString) -> AST:
    wrapped = _expect(byte, BuiltinInteger).value % 256
    return BuiltinByteString(bytes([wrapped]) + _expect(rest, BuiltinByteString).value)


def _expect(value: AST, kind: type[AST]) -> AST:
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} is needed")
    return value


_CORRECTED: dict[BuiltInFun, Callable[..., AST]] = {
    BuiltInFun.MapData: _map_data,
    BuiltInFun.UnMapData: _un_map_data,
    BuiltInFun.ListData: _list_data,
    BuiltInFun.ConstrData: _constr_data,
    BuiltInFun.MkPairData: _mk_pair_data,
    BuiltInFun.MkNilData: _mk_nil_data,
    BuiltInFun.MkNilPairData: _mk_nil_pair_data,
    BuiltInFun.SerialiseData: _serialise_data,
    BuiltInFun.SliceByteString: _slice,
    BuiltInFun.ShiftByteString: _shift,
}
_BEFORE_V3 = {BuiltInFun.ConsByteString: _wrapping_cons}
_FROM_VAN_ROSSEM: dict[BuiltInFun, Callable[..., AST]] = {
    BuiltInFun.ConstrData: _constr_data_64,
    BuiltInFun.ShiftByteString: _shift_64,
    BuiltInFun.RotateByteString: _rotate_64,
}


def select_corrected(
    language: Language, protocol_major: int
) -> Mapping[BuiltInFun, Callable[..., AST]]:
    """Return the functions that replace the evaluator's own (``BuiltinSemanticsVariant``).

    In Plutus V1 and V2, a number becomes a byte modulo 256. From protocol version 11 on, some
    numbers must fit 64 bits.
    """
    before_v3 = _BEFORE_V3 if language is not Language.PLUTUS_V3 else {}
    return _CORRECTED | before_v3 | (_FROM_VAN_ROSSEM if protocol_major >= VAN_ROSSEM else {})


UNSUPPORTED = frozenset(
    builtin
    for builtin in BuiltInFun
    if builtin.name.startswith("Bls12_381")
    or builtin
    in (BuiltInFun.VerifyEcdsaSecp256k1Signature, BuiltInFun.VerifySchnorrSecp256k1Signature)
)
"""Functions of native libraries whose argument checks may differ from the ledger's."""
