"""What plugins are given when they are asked for their part."""

from dataclasses import dataclass

from facilitator.clock import Clock
from facilitator.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """The settings and the clock that this facilitator runs by."""

    settings: Settings
    clock: Clock
