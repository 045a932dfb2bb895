"""Health checks of what requests can do without, all of them or some."""

from dataclasses import dataclass
from enum import Enum, auto

from facilitator.roles.health import HealthCheck


class Need(Enum):
    """The requests that depend on what a health check looks at."""

    EVERY = auto()
    """Every request."""
    ONE_OF = auto()
    """Every request, on one of all that have this need: any chain that answers is enough."""
    SOME = auto()
    """Some requests: others are answered without it."""
    NONE = auto()
    """No request."""


class Concern(Exception):
    """Something is wrong, though no request fails by it. Its text may be shown to callers."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A :data:`~facilitator.roles.health.HealthCheck` of something that no request depends on.

    It makes ``/health`` degraded, but neither unhealthy nor unready. It logs changes itself.
    """

    check: HealthCheck
    """Raises :class:`Concern`."""

    def __call__(self) -> float | None:
        """Return what the check returns, or raise what it raises."""
        return self.check()


@dataclass(frozen=True, slots=True)
class Needed:
    """A :data:`~facilitator.roles.health.HealthCheck` of what not every request depends on."""

    check: HealthCheck
    """Raises when it is down."""
    need: Need
    """The requests that depend on it."""

    def __call__(self) -> float | None:
        """Return what the check returns, or raise what it raises."""
        return self.check()
