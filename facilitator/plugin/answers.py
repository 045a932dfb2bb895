"""Checks of what a part's methods return, made from the annotations of its protocol.

The roles' records are looked into. Values of the ledger are not: they are many, and the core's own
functions make them.
"""

import dataclasses
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

Fits: TypeAlias = Callable[[Any], bool]


class Returns(NamedTuple):
    """The answers of a method or property."""

    kinds: tuple[type, ...]
    """The classes of its values."""
    fits: Fits | None = None
    """A further check of such a value, if there is one. It may raise, as a mapping may."""


class WrongAnswer(TypeError):
    """A part's method returned what its role does not allow."""


_RECORDS = "facilitator.roles."
_TEXT = (str, bytes, bytearray)


@cache
def returns_of(member: Any) -> Returns:
    """Return what a protocol's method or property returns: anything, if nothing counts."""
    function = member.fget if isinstance(member, property) else member
    hint = get_type_hints(function).get("return", Any)
    if hint is types.NoneType:
        return Returns((object,))
    kinds = _plain(hint)
    return Returns((object,), _fits(hint)) if kinds is None else Returns(kinds)


@cache
def _fits(hint: Any) -> Fits:
    origin, arguments = get_origin(hint), get_args(hint)
    if (kinds := _plain(hint)) is not None:
        return lambda value: isinstance(value, kinds)
    if origin in (Union, types.UnionType):
        return _any_of({each: _fits(each) for each in arguments})
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(_fits(arguments[0]), _fits(arguments[1]))
    if origin is tuple and Ellipsis not in arguments:
        return _tuple([_fits(each) for each in arguments])
    if isinstance(origin, type) and issubclass(origin, Collection):
        return _collection(origin, _fits(arguments[0]))
    return _record(hint)


def _plain(hint: Any) -> tuple[type, ...] | None:
    """Return the classes of a hint for which ``isinstance`` is enough; ``None`` for others."""
    if hint is Any:
        return (object,)
    if get_origin(hint) in (Union, types.UnionType):
        parts = [_plain(each) for each in get_args(hint)]
        return None if None in parts else tuple(kind for part in parts for kind in part or ())
    if get_origin(hint) is not None or (hint.__module__.startswith(_RECORDS) and _names(hint)):
        return None
    return (int, float) if hint is float else (hint,)


def _names(kind: Any) -> Collection[str]:
    """Return the names of a record's fields; none of other types."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return tuple(getattr(kind, "_fields", ()))


def _any_of(checks: Mapping[Any, Fits]) -> Fits:
    """Return a check of a union. A value of one of its very classes meets that one's check only."""

    def fits(value: Any) -> bool:
        check = checks.get(type(value))
        if check is not None:
            return check(value)
        return any(check(value) for check in checks.values())

    return fits


def _mapping(key: Fits, content: Fits) -> Fits:
    def fits(value: Any) -> bool:
        if not isinstance(value, Mapping):
            return False
        return all(map(key, value)) and all(map(content, value.values()))

    return fits


def _collection(kind: type, element: Fits) -> Fits:
    def fits(value: Any) -> bool:
        if not isinstance(value, kind) or isinstance(value, _TEXT):
            return False
        return all(map(element, cast("Collection[Any]", value)))

    return fits


def _tuple(elements: Sequence[Fits]) -> Fits:
    def fits(value: Any) -> bool:
        if not isinstance(value, tuple) or len(value) != len(elements):
            return False
        return all(check(each) for check, each in zip(elements, value, strict=True))

    return fits


def _record(kind: type) -> Fits:
    """Return a check of a record and its fields. A claim has many, and is read for a payment."""
    hints = {name: hint for name, hint in get_type_hints(kind).items() if name in _names(kind)}
    plain = {name: kinds for name, hint in hints.items() if (kinds := _plain(hint)) is not None}
    further = [(name, _fits(hint)) for name, hint in hints.items() if name not in plain]
    fields = tuple(plain.items())

    def fits(value: Any) -> bool:
        if not isinstance(value, kind):
            return False
        for name, classes in fields:
            if not isinstance(getattr(value, name), classes):
                return False
        return all(check(getattr(value, name)) for name, check in further) if further else True

    return fits
