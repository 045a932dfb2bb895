"""Values that bytes or a text alone decide, remembered by these."""

from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memo(Generic[Value]):
    """Values by the bytes, or the text, that they are computed from.

    What depends on anything else, such as the time, parameters, the chain or a caller, does not
    belong here. There are two halves: when the newer one is full, the older one is forgotten. Many
    threads may use it, as each step is a single one of the interpreter's.
    """

    def __init__(self, max_bytes: int) -> None:
        """Keep values of so many bytes in all."""
        self._half = max_bytes // 2
        self._taken = 0
        self._newer: dict[bytes | str, Value] = {}
        self._older: dict[bytes | str, Value] = {}

    def get(self, key: bytes | str) -> Value | None:
        """Return the value, if it is remembered."""
        value = self._newer.get(key)
        return self._older.get(key) if value is None else value

    def put(self, key: bytes | str, value: Value, size: int) -> Value:
        """Remember and return the value; with its key it takes about ``size`` bytes."""
        if size > self._half:
            return value
        if self._taken + size > self._half:
            self._older, self._newer, self._taken = self._newer, {}, 0
        self._taken += size
        self._newer[key] = value
        return value
