"""Constants of Plutus Core programs in flat encoding: a type, then a value of that type."""

from typing import NamedTuple, TypeAlias

from facilitator.cardano.cbor import DecodeError, read_all
from facilitator.cardano.codec.scripts import read_plutus_data
from facilitator.cardano.plutus.flat_bits import Bits, MalformedScriptError

INTEGER, BYTE_STRING, STRING, UNIT, BOOL, LIST, PAIR, APPLY, DATA = range(9)
G1_ELEMENT, G2_ELEMENT, ML_RESULT, ARRAY, VALUE = range(9, 14)
"""Tags of types (``encodeUni``)."""

LONGEST_VALUE_KEY = 32
"""Bytes of a policy or asset name in a constant of type *value* (``maxKeyLen``)."""
QUANTITY_BITS = 128
"""Bits, with the sign, of a quantity in a constant of type *value*."""


class ListType(NamedTuple):
    """The type of lists, and of arrays, which have the same encoding."""

    element: "Type"


class PairType(NamedTuple):
    """The type of pairs without a unit as either half."""

    first: "Type"
    second: "Type"


class PartialPairType(NamedTuple):
    """A pair's constructor applied to one type; it has no values."""

    first: "Type"


Type: TypeAlias = int | ListType | PairType | PartialPairType


def skip_constant(bits: Bits, last_type: int, longest_type: int) -> None:
    """Skip a constant.

    A type has at most ``longest_type`` tags, each up to ``last_type``. Raises
    :class:`MalformedScriptError`, and :class:`IndexError` where the bits end.
    """
    tags = []
    while bits.flag():
        tags.append(int(bits.take(4), 2))
    if len(tags) > longest_type or (tags and max(tags) > last_type):
        raise MalformedScriptError("the type of a constant is not available")
    _skip_values(bits, read_type(tags))


def read_type(tags: list[int]) -> Type:
    """Return the type that the tags form in prefix notation, without the units in pairs.

    Then each part of a type costs at least one bit of every value. So a type alone cannot make
    its values long.
    """
    found: list[Type] = []
    for tag in reversed(tags):
        if tag == APPLY:
            if len(found) < 2:
                raise MalformedScriptError("the type of a constant is incomplete")
            found.append(_apply(found.pop(), found.pop()))
        else:
            found.append(tag)
    if len(found) != 1 or not _has_values(found[0]):
        raise MalformedScriptError("the type of a constant is not one of values")
    return found[0]


def _apply(function: Type, argument: Type) -> Type:
    if _has_values(argument):
        if function in (LIST, ARRAY):
            return ListType(argument)
        if function == PAIR:
            return PartialPairType(argument)
        if isinstance(function, PartialPairType):
            return _make_pair(function.first, argument)
    raise MalformedScriptError("the type of a constant applies what is no type constructor to it")


def _make_pair(first: Type, second: Type) -> Type:
    if first == UNIT:
        return second
    return first if second == UNIT else PairType(first, second)


def _has_values(kind: Type) -> bool:
    return kind not in (LIST, PAIR, ARRAY) and not isinstance(kind, PartialPairType)


def _skip_values(bits: Bits, kind: Type) -> None:
    todo = [kind]
    while todo:
        kind = todo.pop()
        if isinstance(kind, ListType):
            if kind.element == UNIT:
                bits.skip_through("0")
            elif bits.flag():
                todo += (kind, kind.element)
        elif isinstance(kind, PairType):
            todo += (kind.second, kind.first)
        else:
            _skip_leaf(bits, kind)


def _skip_leaf(bits: Bits, kind: Type) -> None:
    if kind == BOOL:
        bits.flag()
    elif kind == INTEGER:
        bits.skip_natural()
    elif kind == BYTE_STRING:
        bits.byte_string()
    elif kind == STRING:
        _skip_text(bits)
    elif kind == DATA:
        _skip_data(bits)
    elif kind == VALUE:
        _skip_value(bits)
    elif kind != UNIT:
        raise MalformedScriptError("BLS12-381 points and pairings cannot be constants")


def _skip_text(bits: Bits) -> None:
    try:
        bits.byte_string().decode()
    except UnicodeDecodeError:
        raise MalformedScriptError("a string constant is not UTF-8") from None


def _skip_data(bits: Bits) -> None:
    try:
        read_all(bits.byte_string(), read_plutus_data, "a data constant")
    except DecodeError as error:
        raise MalformedScriptError(str(error)) from None


def _skip_value(bits: Bits) -> None:
    """Skip a multi-asset value: ascending names, no policy without assets, no quantity of zero."""
    policy: bytes | None = None
    while bits.flag():
        policy = _read_next_key(bits, policy)
        asset: bytes | None = None
        while bits.flag():
            asset = _read_next_key(bits, asset)
            _skip_quantity(bits)
        if asset is None:
            raise MalformedScriptError("a policy in a value constant has no asset")


def _read_next_key(bits: Bits, previous: bytes | None) -> bytes:
    key = bits.byte_string()
    if len(key) > LONGEST_VALUE_KEY or (previous is not None and key <= previous):
        raise MalformedScriptError("the names in a value constant are too long or do not ascend")
    return key


def _skip_quantity(bits: Bits) -> None:
    zigzag = bits.natural()
    if not 0 < zigzag < 1 << QUANTITY_BITS:
        raise MalformedScriptError("a quantity in a value constant is zero or exceeds 128 bits")
