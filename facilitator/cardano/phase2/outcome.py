"""The outcome of a script's run, and its cost."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """A run's outcome within the budget that it had."""

    error: str | None
    """The cause of a failure, as part of a sentence; ``None`` if the script succeeds."""
    memory: int
    """The units of memory that it used; of one that fails, until then."""
    steps: int
    """The CPU steps that it used; of one that fails, until then."""
    traces: tuple[str, ...] = ()
    """The messages of its builtin ``trace``, in their order."""
