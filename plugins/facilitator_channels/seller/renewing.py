"""Reservations of requests that are still being worked for are renewed by a thread.

A reservation that runs out frees a channel whose server was killed. While the server lives and
works, no other request should get the channel: the work would be unpaid.
"""

import threading
import time
from collections.abc import Callable

_LONGEST_SECONDS = 600.0
"""The time for which one request is renewed, 10 minutes. Its charge may still be made later."""


class Renewals:
    """The requests that are being worked for."""

    def __init__(self) -> None:
        """Begin without a thread."""
        self._condition = threading.Condition()
        self._due: dict[str, tuple[float, float, float, Callable[[], object]]] = {}
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def add(self, request_id: str, lifetime_ms: int, renew: Callable[[], object]) -> None:
        """Call ``renew`` three times in each lifetime from now on, whatever it raises."""
        interval = lifetime_ms / 3000
        now = time.monotonic()
        with self._condition:
            self._due[request_id] = (now + interval, interval, now + _LONGEST_SECONDS, renew)
            if self._thread is None and not self._is_closed:
                self._thread = threading.Thread(target=self._run, name="channels", daemon=True)
                self._thread.start()
            self._condition.notify()

    def remove(self, request_id: str) -> None:
        """Renew the request no more."""
        with self._condition:
            self._due.pop(request_id, None)

    def close(self) -> None:
        """End the thread."""
        with self._condition:
            self._is_closed = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (renew := self._next()) is not None:
            try:
                renew()
            except Exception:  # noqa: S112 -- the next call is soon
                continue

    def _next(self) -> Callable[[], object] | None:
        """Return the next call once it is due; ``None`` at the end."""
        with self._condition:
            while not self._is_closed:
                now = time.monotonic()
                request_id, found = min(
                    self._due.items(), key=lambda each: each[1][0], default=("", None)
                )
                if found is None:
                    self._condition.wait()
                    continue
                due, interval, until, renew = found
                if due > now:
                    self._condition.wait(due - now)
                elif now >= until:
                    del self._due[request_id]
                else:
                    self._due[request_id] = (now + interval, interval, until, renew)
                    return renew
            return None
