"""A thread that starts once, and early if that is asked for."""

import threading
from collections.abc import Callable

from facilitator.roles.chain_errors import ChainUnavailable


class KeptThread:
    """One thread, which is started when it is first needed or before. Safe in many threads."""

    def __init__(self, run: Callable[[], None], name: str) -> None:
        """Start nothing yet."""
        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the thread, unless it was started before.

        Raises :class:`ChainUnavailable` where the system gives no further thread; the next call
        tries again.
        """
        with self._lock:
            if self._thread.ident is None:
                try:
                    self._thread.start()
                except (RuntimeError, MemoryError) as error:
                    raise ChainUnavailable("no further thread can start to follow it") from error

    @property
    def has_ended(self) -> bool:
        """True if it was started, and has ended."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def join(self) -> None:
        """Wait for its end, if it was started."""
        if self._thread.ident is not None:
            self._thread.join()
