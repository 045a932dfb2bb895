"""Checks of the facilitator's dependencies, for ``/health``."""

from collections.abc import Callable
from typing import TypeAlias

HealthCheck: TypeAlias = Callable[[], float | None]
"""A check of one dependency, which raises if that is down.

A check that does not query the dependency every time returns the seconds that its last query took.
One that returns ``None`` has its own duration shown.
"""
