"""The clock of this process, as its callers show it."""

import secrets
import time


class CallersClock:
    """The clock behind the times that callers pass, with a name that no other process has.

    For use by many threads.
    """

    def __init__(self) -> None:
        """Make up a name."""
        self.name = secrets.token_hex(4)
        self._shown = (time.time(), time.monotonic())

    def note(self, now: float) -> None:
        """Remember the time that a caller passes."""
        self._shown = (now, time.monotonic())

    def now(self) -> float:
        """Return the present time by that clock, counted on since it was shown last."""
        shown, at = self._shown
        return shown + time.monotonic() - at
