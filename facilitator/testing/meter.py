"""Contract tests that every meter must pass.

Subclass :class:`MeterContract` in a test module, and give it the fixture ``meter``. The fixture
``read`` is optional: a function that returns what a metric shows, by its name and labels. That is
the value of a counter or gauge, the number of values in a histogram, and ``None`` without one.
"""

import math
from functools import partial
from typing import Any, Protocol

import pytest

from facilitator.roles.metrics import Counter, Gauge, Histogram, Meter
from facilitator.testing.races import racetrack
from facilitator.testing.start import check_as_at_start

THREADS = 8
TIMES = 40
CUPS = Counter("contract_cups_total", "Cups that were filled.", ("kind",))
SPILLED = Counter("contract_spilled_litres_total", "Litres that were spilled.")
HEAT = Gauge("contract_heat_celsius", "The heat of a pot.", ("pot",))
BREW = Histogram("contract_brew_seconds", "The time that it takes.", (1, 5), ("kind",))


class Read(Protocol):
    """A function that returns what a metric shows."""

    def __call__(self, name: str, **labels: str) -> float | None:
        """Return the value of that series, if there is one."""
        ...


def _no_reading() -> float:
    raise ConnectionError("there is no reading")


class MeterContract:
    """All promises of :class:`~facilitator.roles.metrics.Meter`."""

    @pytest.fixture
    def meter(self) -> Meter:
        """Return the meter under test; a subclass defines it."""
        raise NotImplementedError("define the fixture meter")

    @pytest.fixture
    def read(self) -> Read | None:
        """Return a function that returns what a metric shows; a subclass may define it."""
        return None

    @pytest.fixture
    def shown(self, read: Read | None) -> Read:
        """Return ``read``, or skip the test."""
        if read is None:
            pytest.skip("define the fixture read, which returns what a metric shows")
        return read

    def test_the_start_takes_the_meter(self, meter: Meter) -> None:
        """It has every method, and each takes the arguments of the protocol."""
        check_as_at_start("meter", meter)

    def test_every_kind_of_metric_is_taken(self, meter: Meter) -> None:
        """With labels and without, also values that no bucket expects."""
        meter.count(CUPS, kind="tea")
        meter.count(CUPS, 0, kind="tea")
        meter.count(SPILLED, 0.25)
        for value in (0, 1, 60.5, math.inf, -1.0):
            meter.observe(BREW, value, kind="tea")
        meter.gauge(HEAT, lambda: 20.0, pot="left")

    @pytest.mark.parametrize("labels", [{}, {"sort": "tea"}, {"kind": "tea", "sort": "green"}])
    def test_labels_are_those_of_the_metric(self, meter: Meter, labels: dict[str, str]) -> None:
        """Others are an error of the caller."""
        calls: list[Any] = [
            partial(meter.count, CUPS, 1),
            partial(meter.observe, BREW, 1),
            partial(meter.gauge, HEAT, lambda: 1.0),
        ]
        for call in calls:
            with pytest.raises(ValueError, match=r"\w"):
                call(**labels)
        with pytest.raises(ValueError, match=r"\w"):
            meter.count(SPILLED, kind="tea")

    def test_labels_may_have_any_name_and_value(self, meter: Meter) -> None:
        """Neither is taken for an argument of the meter; values may be empty or in any script."""
        named = Counter("contract_named_total", "Named.", ("metric", "amount", "name", "labels"))
        for value in ("", '\u00e4\n"\\', "\U0001d4b3"):
            meter.count(named, 1, metric=value, amount=value, name=value, labels=value)

    def test_counters_and_histograms_add_up(self, meter: Meter, shown: Read) -> None:
        """Each series for itself; the same metric may be declared again."""
        meter.count(CUPS, kind="tea")
        meter.count(Counter(CUPS.name, CUPS.help, CUPS.labels), 2, kind="tea")
        meter.count(CUPS, kind="coffee")
        for seconds in (0.5, 7):
            meter.observe(BREW, seconds, kind="tea")
        assert shown(CUPS.name, kind="tea") == 3
        assert shown(CUPS.name, kind="coffee") == 1
        assert shown(BREW.name, kind="tea") == 2

    def test_gauges_are_read_when_metrics_are_collected(self, meter: Meter, shown: Read) -> None:
        """A reading that fails spoils no other one, and a later registration replaces it."""
        readings = iter([20.0, 95.0])
        meter.gauge(HEAT, lambda: 0.0, pot="left")
        meter.gauge(HEAT, lambda: next(readings, 95.0), pot="left")
        meter.gauge(HEAT, _no_reading, pot="broken")
        assert shown(HEAT.name, pot="left") in (20.0, 95.0)
        assert shown(HEAT.name, pot="left") == 95.0

    def test_many_threads_count_at_once(self, meter: Meter, shown: Read) -> None:
        """No count is lost."""

        def count() -> None:
            for _ in range(TIMES):
                meter.count(CUPS, kind="tea")
                meter.observe(BREW, 1, kind="tea")

        with racetrack(THREADS, meter) as track:
            for _ in range(4):
                track.together([count] * THREADS)
        expected = 4 * THREADS * TIMES
        assert (shown(CUPS.name, kind="tea"), shown(BREW.name, kind="tea")) == (expected, expected)
