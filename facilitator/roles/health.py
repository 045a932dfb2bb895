"""Checks of the facilitator's dependencies, for ``/health``."""

from collections.abc import Callable
from typing import TypeAlias

HealthCheck: TypeAlias = Callable[[], float | None]
"""A check of one dependency, which raises if that is down.

It runs in a thread of its own, at most once in two seconds. One that takes longer than 1.8 seconds
counts as down until it ends; from ``hooks.observer_seconds`` on its plugin is named, too. Callers
see only the type of an error, unless it is :class:`ChainUnavailable`, :class:`StorageUnavailable`
or :class:`~facilitator.observability.advice.Concern`. One that is down makes the facilitator
unready, unless it is :class:`~facilitator.observability.advice.Advice`.

A check that does not query the dependency every time returns the seconds that its last query took.
One that returns ``None`` has its own duration shown.
"""
