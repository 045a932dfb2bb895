"""Values that bytes alone decide, remembered by these bytes."""

import threading
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memo(Generic[Value]):
    """Values by the bytes that they are computed from. Safe to use from many threads.

    What depends on anything else, such as the time, parameters, the chain or a caller, does not
    belong here: nothing is forgotten, except the oldest values when they take too many bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        """Keep values of so many bytes in all."""
        self._left = max_bytes
        self._lock = threading.Lock()
        self._entries: dict[bytes, tuple[Value, int]] = {}

    def get(self, key: bytes) -> Value | None:
        """Return the value, if it is remembered."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: bytes, value: Value, size: int) -> Value:
        """Remember and return the value; with its key it takes about ``size`` bytes."""
        with self._lock:
            if key not in self._entries:
                self._entries[key] = (value, size)
                self._left -= size
            while self._left < 0:
                _, freed = self._entries.pop(next(iter(self._entries)))
                self._left += freed
        return value
