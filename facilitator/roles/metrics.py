"""The meter, which collects counts and measurements for monitoring.

A metric is a value. A module declares it once, and passes it to the meter of the
:class:`~facilitator.plugin.context.Context`. The core's metrics are in
:mod:`facilitator.observability.metrics`.

Labels distinguish the series of one metric. Every combination of their values is a series that is
kept for good. So their values come from a small fixed set, such as a route's template, a reason or
a state. They never come from callers: no ids, addresses, keys or paths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that only grows. Its name ends in ``_total``."""

    name: str
    """The name, which begins with that of the plugin."""
    help: str
    """A sentence about the counted events."""
    labels: tuple[str, ...] = ()
    """Names of its labels, in order."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that goes up and down, and is read whenever metrics are collected."""

    name: str
    """The name, which begins with that of the plugin."""
    help: str
    """A sentence about the value."""
    labels: tuple[str, ...] = ()
    """Names of its labels, in order."""
    of_workers: Literal["sum", "max", "min"] = "sum"
    """The way in which readings of several worker processes are combined."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of measured values up to each bound. Its name ends in its unit."""

    name: str
    """The name, which begins with that of the plugin."""
    help: str
    """A sentence about the measured values, with their unit."""
    buckets: tuple[float, ...]
    """Upper bounds in the unit, ascending. One more bucket counts values beyond the last."""
    labels: tuple[str, ...] = ()
    """Names of its labels, in order."""


Metric: TypeAlias = Counter | Gauge | Histogram


class Meter(Protocol):
    """A collector of metrics. A plugin returns one from the hook ``meter``.

    Its methods are called for every request, in the one thread of the plugin's own. With the
    attribute ``is_prompt = True`` they are called at once, from many threads: then they must not
    wait for anything. Callers give labels by name, all of the metric's and no others. For other
    labels the methods raise :class:`ValueError`.
    """

    def count(self, metric: Counter, amount: float = 1, /, **labels: str) -> None:
        """Add ``amount``, which is not negative, to a counter."""
        ...

    def observe(self, metric: Histogram, value: float, /, **labels: str) -> None:
        """Record a measured value, in the histogram's unit."""
        ...

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **labels: str) -> None:
        """Register ``read``, which returns the gauge's value whenever metrics are collected.

        It is called from any thread and must be quick. If it raises, there is no new reading. A
        later registration with the same labels replaces it.
        """
        ...


class NoMeter:
    """The meter if no plugin provides one: it costs nothing and keeps nothing."""

    def count(self, metric: Counter, amount: float = 1, /, **labels: str) -> None:
        """Do nothing."""

    def observe(self, metric: Histogram, value: float, /, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **labels: str) -> None:
        """Do nothing."""


NO_METER = NoMeter()
"""The meter without a plugin's: it keeps nothing."""
