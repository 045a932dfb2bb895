"""The error reporter, which gets faults of the facilitator in addition to the log."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


class ErrorReporter(Protocol):
    """A destination of errors. A plugin returns one from the hook ``error_reporter``.

    Its methods are called in the one thread of the plugin's own. With the attribute
    ``is_prompt = True`` they are called at once, from many threads: then they must not wait for
    anything. An exception that they raise is logged and ignored.
    """

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Accept the error for reporting. The context never holds payloads, headers or secrets.

        Its keys for a request are ``requestId``, ``method``, ``url``, ``path`` and ``status``, for
        a gate or an observer ``plugin`` and ``hook``, for a thread ``thread``.
        """
        ...

    def flush(self, timeout: float) -> None:
        """Send the queued errors within ``timeout`` seconds. Called at shutdown."""
        ...


@runtime_checkable
class DescribesDestination(Protocol):
    """An error reporter that can describe its destination, for ``facilitator check``."""

    def where(self) -> str:
        """Test sending, and return the destination without secrets. Raises if it fails."""
        ...
