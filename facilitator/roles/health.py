"""Checks of the facilitator's dependencies, for ``/health``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

HealthCheck: TypeAlias = Callable[[], float | None]
"""A check of one dependency, which raises if that is down.

A check that does not query the dependency every time returns the seconds that its last query took.
One that returns ``None`` has its own duration shown.
"""


class Concern(Exception):
    """A fault by which no request fails. Its text may be shown to callers."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A check of something that no request depends on.

    It makes ``/health`` degraded, but neither unhealthy nor unready. It logs changes itself.
    """

    check: Callable[[], None]
    """Raises :class:`Concern`."""

    def __call__(self) -> None:
        """Raise what the check raises."""
        self.check()
