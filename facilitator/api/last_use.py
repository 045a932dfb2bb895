"""The last use of each API key in the storage, noted off the path of requests."""

import logging
import threading
from contextlib import suppress

from facilitator.roles.api_keys import StoresApiKeys

_log = logging.getLogger("facilitator.api_keys")

INTERVAL_SECONDS = 60
"""The time in which a process notes the use of a key once."""


class LastUse:
    """Notes of uses, written by one thread that ends when there are none. Safe in many threads.

    A use that cannot be noted is left out: it fails no request.
    """

    def __init__(self, storage: StoresApiKeys) -> None:
        """Write to ``storage``."""
        self._storage = storage
        self._lock = threading.Lock()
        self._noted: dict[str, float] = {}
        """Unix seconds of the last note of each key, by name."""
        self._waiting: dict[str, float] = {}
        self._is_writing = False

    def note(self, name: str, now: float) -> None:
        """Have the use of the key at ``now`` (Unix seconds) written soon, once in an interval."""
        with self._lock:
            if now < self._noted.get(name, float("-inf")) + INTERVAL_SECONDS:
                return
            self._noted[name] = self._waiting[name] = now
            if self._is_writing:
                return
            self._is_writing = True
        try:
            threading.Thread(target=self._write, name="key-use", daemon=True).start()
        except (RuntimeError, MemoryError):  # the next note tries again
            self._is_writing = False

    def _write(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                self._storage.note_api_key_use(*waiting)
            except Exception as error:
                with suppress(Exception):
                    _log.debug("the use of the API key %s was not noted: %s", waiting[0], error)

    def _next(self) -> tuple[str, float] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popitem()
            self._is_writing = False
            return None
