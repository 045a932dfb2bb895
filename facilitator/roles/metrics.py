"""The meter: where what is counted and measured goes, so that it can be watched.

A metric is a value: whoever counts declares it once, and hands it to the meter of the
:class:`~facilitator.plugin.context.Context`. The core's own are in
:mod:`facilitator.observability.metrics`.

Labels tell series of one metric apart, and every combination of their values is a series that is
kept for good. So their values come from a small fixed set, such as a route's template, a reason or
a state; never from callers: no ids, addresses, keys or paths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that only grows. Its name ends in ``_total``."""

    name: str
    help: str
    """What is counted, in a sentence."""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that goes up and down, and is read when somebody looks."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    of_workers: Literal["sum", "max", "min"] = "sum"
    """What several worker processes' readings make together."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often a measured value was at most so much. Its name ends in its unit."""

    name: str
    help: str
    buckets: tuple[float, ...]
    """Upper bounds that are counted, in the unit, growing; beyond the last there is one more."""
    labels: tuple[str, ...] = ()


Metric: TypeAlias = Counter | Gauge | Histogram


class Meter(Protocol):
    """What a meter must be able to do. A plugin returns one from the hook ``meter``.

    Called from many threads at once, and for every request: it must not do I/O or wait. Labels are
    given by name, all of the metric's and no others, else :class:`ValueError` is raised.
    """

    def count(self, metric: Counter, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter; ``amount`` is not negative."""
        ...

    def observe(self, metric: Histogram, value: float, /, **labels: str) -> None:
        """Note a measured value, in the histogram's unit."""
        ...

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **labels: str) -> None:
        """Have ``read`` called for the gauge's value whenever it is looked at, from any thread.

        It must be quick. When it raises there is no new reading. A later one with the same labels
        takes its place.
        """
        ...


class NoMeter:
    """The meter where none is enabled: costs nothing and keeps nothing."""

    def count(self, metric: Counter, amount: float = 1, /, **labels: str) -> None:
        """Do nothing."""

    def observe(self, metric: Histogram, value: float, /, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **labels: str) -> None:
        """Do nothing."""


NO_METER = NoMeter()
