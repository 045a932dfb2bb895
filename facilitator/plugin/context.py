"""What plugins are given when they are asked for their part."""

from dataclasses import dataclass
from pathlib import Path

from facilitator.clock import Clock
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.settings import Settings


@dataclass(frozen=True, slots=True)
class Worker:
    """One of several processes that serve, as ``server.workers`` says."""

    index: int
    """Its place among them, from 0; who replaces it has the same."""
    folder: Path
    """A folder that all of them see, there before the first begins and until the last has ended."""


@dataclass(frozen=True, slots=True)
class Context:
    """The settings and the clock that this facilitator runs by, and where it counts."""

    settings: Settings
    clock: Clock
    worker: Worker | None = None
    """Which process this is; ``None`` when it is the only one."""
    meter: Meter = NO_METER
    """Counts and measures; does nothing when no plugin brings one, and while one is asked for."""
