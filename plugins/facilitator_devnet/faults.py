"""Faults that tests ask for, to test the handling of a failing chain."""

from collections import Counter
from threading import Lock
from typing import Literal

from facilitator.plugin import ChainUnavailable, SubmissionUnknown

Method = Literal[
    "tip",
    "outputs",
    "submit",
    "transaction",
    "blocks_after",
    "parameters",
    "eras",
    "ledger_state",
    "asset",
    "spender",
]


class Faults:
    """The faults of a devnet's next calls; each failing call uses one up."""

    def __init__(self) -> None:
        """Begin without faults."""
        self._lock = Lock()
        self._left: Counter[str] = Counter()

    def fail(self, method: Method, times: int = 1) -> None:
        """Let the next calls of the provider's method raise :class:`ChainUnavailable`."""
        self._arm(method, times)

    def lose_submissions(self, times: int = 1) -> None:
        """Let the next submissions raise :class:`SubmissionUnknown` and take nothing."""
        self._arm("request lost", times)

    def lose_replies(self, times: int = 1) -> None:
        """Let the next submissions raise :class:`SubmissionUnknown` though they were taken."""
        self._arm("reply lost", times)

    def lag(self, times: int = 1) -> None:
        """Let the next calls of ``outputs`` or ``spender`` answer ``Unknown``."""
        self._arm("lag", times)

    def _arm(self, fault: str, times: int) -> None:
        with self._lock:
            self._left[fault] += times

    def take(self, fault: str) -> bool:
        """Use up one fault of the kind; return True if there was one."""
        with self._lock:
            armed = self._left[fault] > 0
            self._left[fault] -= armed
            return armed

    def check(self, method: str) -> None:
        """Raise :class:`ChainUnavailable` if the method is to fail."""
        if self.take(method):
            raise ChainUnavailable(f"the devnet was asked to fail {method}()")

    def check_lost(self, fault: str) -> None:
        """Raise :class:`SubmissionUnknown` if the request or reply is to be lost."""
        if self.take(fault):
            raise SubmissionUnknown(f"the devnet was asked for a {fault}")
