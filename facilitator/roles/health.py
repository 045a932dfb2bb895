"""Checks of what the facilitator depends on, for ``/health``."""

from collections.abc import Callable
from typing import TypeAlias

HealthCheck: TypeAlias = Callable[[], float | None]
"""Raises when the dependency is down.

A check that does not ask it every time returns the seconds that the dependency took when it was
asked last; otherwise the time that the check takes is shown.
"""
