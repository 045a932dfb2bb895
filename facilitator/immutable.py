"""Values that are made for each payment, and never changed afterwards."""

import sys
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """Make the class a dataclass with slots, of which no field may be set again.

    The type checker refuses it, and so does Python in its development mode (``python -X dev``).
    Elsewhere ``frozen=True`` would be a call of ``object.__setattr__`` for each field of each
    value: a twelfth of a verdict.
    """
    return dataclass(frozen=sys.flags.dev_mode, slots=True, unsafe_hash=True)(cls)
