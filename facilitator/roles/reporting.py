"""The error reporter: where faults of ours go besides the log."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


class ErrorReporter(Protocol):
    """What an error reporter must be able to do. A plugin returns one from ``error_reporter``.

    Reporters must not block a request and must not raise; what they raise is logged and ignored.
    """

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Take note of the error. The context never holds payloads, headers or secrets.

        Of a request it says ``requestId``, ``method``, ``url``, ``path`` and ``status``; of a gate
        or an observer ``plugin`` and ``hook``; of a thread ``thread``.
        """
        ...

    def flush(self, timeout: float) -> None:
        """Send what is still queued, within ``timeout`` seconds. Called at shutdown."""
        ...


@runtime_checkable
class DescribesDestination(Protocol):
    """What an error reporter may do besides, for ``facilitator check``."""

    def where(self) -> str:
        """Try whether reports can be sent, and say where to, without secrets. Raises if not."""
        ...
