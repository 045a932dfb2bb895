"""Declarations of settings: frozen dataclasses whose fields say what they accept."""

import dataclasses
import json
import math
import re
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Check = Callable[[Any], "str | None"]
"""Checks a converted value; returns a sentence that says what is wrong, or ``None``."""
Reloads = Callable[[Any, Any], bool]
"""Returns True if the second value may follow the first one without a restart."""


def setting(
    default: Any,
    help: str,  # noqa: A002 -- reads as in argparse
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    secret: bool = False,
    required: str | None = None,
    check: Check | None = None,
    reloads: Reloads | None = None,
) -> Any:
    """Declare a key of a settings table as the field of a frozen dataclass.

    The field's type decides what is accepted: ``str``, ``int``, ``float``, ``bool``, a ``Literal``
    of strings, ``tuple[str, ...]``, ``Mapping[str, str]``, ``Mapping[str, tuple[str, ...]]``, or
    one of these ``| None``.

    Args:
        default: The value when the key is not set.
        help: Its meaning, with its unit, in one sentence.
        minimum: The least number accepted.
        maximum: The greatest number accepted.
        secret: True for a value that must never be shown.
        required: The sentence that refuses a missing value; such a key has no default.
        check: A further check of the converted value.
        reloads: Returns True for a former and a new value if the plugin takes the new one on SIGHUP
            (see :attr:`~facilitator.plugin.context.Context.subscribe`); else it needs a restart.
    """
    metadata = {
        "help": help,
        "minimum": minimum,
        "maximum": maximum,
        "secret": secret,
        "required": required,
        "check": check,
        "reloads": reloads,
    }
    if isinstance(default, Mapping):
        return dataclasses.field(
            default_factory=lambda: dict(default), repr=not secret, metadata=metadata
        )
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Field:
    """The declaration of a key, as read from the dataclass."""

    name: str
    help: str
    default: Any
    type: Any
    optional: bool
    minimum: float | None
    maximum: float | None
    secret: bool
    required: str | None
    check: Check | None
    reloads: Reloads | None

    @property
    def is_mapping(self) -> bool:
        """True if the key holds a table of the operator's own names."""
        return typing.get_origin(self.type) is Mapping

    def convert(self, value: object, *, text: bool) -> Any:
        """Return the value in the field's type; ``text`` is true for a value without a type.

        Raises :class:`ValueError` with a sentence that is fit to be shown.
        """
        if value == "" and self.required:
            raise ValueError(self.required)
        if value == "" and self.optional:
            return None
        converted = _convert(value, self.type, text=text and isinstance(value, str))
        if isinstance(converted, int | float):
            self._check_bounds(converted)
        if self.check and (complaint := self.check(converted)):
            raise ValueError(complaint)
        return converted

    def convert_entry(self, value: object, *, text: bool) -> Any:
        """Return the value in the type of the entries of a table of names.

        Raises :class:`ValueError` with a sentence that is fit to be shown.
        """
        return _convert(value, typing.get_args(self.type)[1], text=text)

    def _check_bounds(self, number: float) -> None:
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"must be at least {self.minimum:g}")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"must be at most {self.maximum:g}")


def fields_of(section: type) -> dict[str, Field]:
    """Return the keys that a settings dataclass declares, by name, in order.

    Raises :class:`TypeError` for a field that was not made by :func:`setting`, and for a type that
    settings cannot have.
    """
    hints = typing.get_type_hints(section)
    fields = {}
    for field in dataclasses.fields(section):
        if "help" not in field.metadata:
            raise TypeError(f"{section.__name__}.{field.name} is not declared with setting()")
        kind, optional = _without_none(hints[field.name])
        if kind not in _CONVERTERS and typing.get_origin(kind) is not Literal:
            raise TypeError(f"{section.__name__}.{field.name}: settings cannot be a {kind}")
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        fields[field.name] = Field(
            name=field.name, default=default, type=kind, optional=optional, **field.metadata
        )
    return fields


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    members = [member for member in typing.get_args(hint) if member is not types.NoneType]
    return (members[0], True) if len(members) == 1 else (hint, False)


def _convert(value: object, kind: Any, *, text: bool) -> Any:
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value
    return _CONVERTERS[kind](value, text)


def convert_text(value: object) -> str:
    """Return the value if it is a text that is not empty. Raises :class:`ValueError`."""
    if not isinstance(value, str):
        raise ValueError("must be text, in quotes")
    if not value:
        raise ValueError("must not be empty")
    return value


def _string(value: object, text: bool) -> str:  # noqa: ARG001
    return convert_text(value)


def _boolean(value: object, text: bool) -> bool:
    if text and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _integer(value: object, text: bool) -> int:
    if text and re.fullmatch(r"[+-]?[0-9]{1,18}", str(value)):
        return int(str(value))
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


def _number(value: object, text: bool) -> float:
    if text and re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", str(value)):
        return float(str(value))
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("must be a number")
    return float(value)


def _strings(value: object, text: bool) -> tuple[str, ...]:
    if text and str(value).lstrip().startswith("["):
        value = parse_toml(str(value))
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple) or not all(
        isinstance(part, str) and part for part in value
    ):
        raise ValueError("must be a list of texts")
    return tuple(value)


def _names_to_strings(value: object, text: bool) -> dict[str, str]:  # noqa: ARG001
    if not isinstance(value, Mapping):
        raise ValueError("must be a table of names and texts")
    return {str(name): convert_text(entry) for name, entry in value.items()}


def _names_to_lists(value: object, text: bool) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a table of names and lists of texts")
    return {str(name): _strings(entry, text) for name, entry in value.items()}


def entries_of(value: object) -> object:
    """Return the table that a text is, in TOML or JSON, and any other value as it is.

    ``None`` for a text that is neither.
    """
    if not isinstance(value, str):
        return value
    try:
        return parse_toml(value) or json.loads(value)
    except (ValueError, RecursionError):
        return None


def parse_toml(text: str) -> object:
    """Return the TOML value that the text is; ``None`` when it is not valid."""
    try:
        return tomllib.loads(f"value = {text}").get("value")
    except tomllib.TOMLDecodeError:
        return None


_CONVERTERS: dict[Any, Callable[[object, bool], Any]] = {
    str: _string,
    bool: _boolean,
    int: _integer,
    float: _number,
    tuple[str, ...]: _strings,
    Mapping[str, str]: _names_to_strings,
    Mapping[str, tuple[str, ...]]: _names_to_lists,
}
