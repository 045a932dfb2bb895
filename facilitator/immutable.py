"""Values that are made for each payment, and never changed afterwards."""

import copy
import sys
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")
_may_be_set: set[type] = set()
"""The classes of which Python lets a field be set again."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """Make the class a dataclass with slots, of which no field may be set again.

    The type checker refuses it, and so does Python in its development mode (``python -X dev``).
    Elsewhere ``frozen=True`` would be a call of ``object.__setattr__`` for each field of each
    value: a twelfth of a verdict.
    """
    made = dataclass(frozen=sys.flags.dev_mode, slots=True, unsafe_hash=True)(cls)
    if not sys.flags.dev_mode:
        _may_be_set.add(made)
    return made


def copy_of(value: Any) -> Any:
    """Return a copy of such a value and of those in its fields; anything else as it is."""
    if type(value) not in _may_be_set:
        return value
    copied = copy.copy(value)
    for name in value.__dataclass_fields__:
        if type(part := getattr(value, name)) in _may_be_set:
            setattr(copied, name, copy_of(part))
    return copied
