"""Checks of what a part's methods return, made from the annotations of its protocol.

The roles' records are looked into. Values of the ledger are not: they are many, and the core's own
functions make them.
"""

import dataclasses
import types
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

Fits: TypeAlias = Callable[[Any], bool]

_RECORDS = "facilitator.roles."
_TEXT = (str, bytes, bytearray)


def returns_of(member: Any) -> Fits | None:
    """Return a check of what a protocol's method or property returns; ``None`` if nothing counts.

    The check itself may raise, as a mapping of a plugin's own may.
    """
    function = member.fget if isinstance(member, property) else member
    hint = get_type_hints(function).get("return", Any)
    return None if hint in (Any, types.NoneType) else _fits(hint)


def _fits(hint: Any) -> Fits:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda _: True
    if origin in (Union, types.UnionType):
        return _any_of([_fits(each) for each in arguments])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(_fits(arguments[0]), _fits(arguments[1]))
    if isinstance(origin, type) and issubclass(origin, Collection):
        return _collection(origin, _fits(arguments[0]))
    kind = origin or hint
    if kind is float:
        return lambda value: isinstance(value, int | float)
    if kind.__module__.startswith(_RECORDS) and (names := _field_names(kind)):
        return _record(kind, names)
    return lambda value: isinstance(value, kind)


def _field_names(kind: Any) -> Collection[str]:
    """Return the names of a record's fields; none of other types."""
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return tuple(getattr(kind, "_fields", ()))


def _any_of(checks: list[Fits]) -> Fits:
    return lambda value: any(fits(value) for fits in checks)


def _mapping(key: Fits, content: Fits) -> Fits:
    def fits(value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            key(name) and content(each) for name, each in value.items()
        )

    return fits


def _collection(kind: type, element: Fits) -> Fits:
    def fits(value: Any) -> bool:
        if not isinstance(value, kind) or isinstance(value, _TEXT):
            return False
        return all(element(each) for each in cast("Collection[Any]", value))

    return fits


def _record(kind: type, names: Collection[str]) -> Fits:
    hints = get_type_hints(kind)
    fields = [(name, _fits(hints[name])) for name in names]

    def fits(value: Any) -> bool:
        return isinstance(value, kind) and all(
            check(getattr(value, name)) for name, check in fields
        )

    return fits
