"""Health checks of what no request depends on."""

from collections.abc import Callable
from dataclasses import dataclass


class Concern(Exception):
    """Something is wrong, though no request fails by it. Its text may be shown to callers."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A :data:`~facilitator.roles.health.HealthCheck` of something that no request depends on.

    It makes ``/health`` degraded, but neither unhealthy nor unready. It logs changes itself.
    """

    check: Callable[[], None]
    """Raises :class:`Concern`."""

    def __call__(self) -> None:
        """Raise what the check raises."""
        self.check()
