"""The meter itself, as plugins use it."""

import sys
import textwrap
import types
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.plugin.discovery import register_plugins
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.metrics import NO_METER, Counter, Gauge, Histogram, Meter
from facilitator.runtime.composition import build_facilitator
from facilitator.server import Server
from facilitator.testing.http import call
from facilitator.testing.meter import MeterContract, Read
from facilitator.testing.running import NETWORK
from facilitator_prometheus import prometheus_meter
from facilitator_prometheus.prometheus_meter import PrometheusMeter
from support.exposition import Metrics, scrape

CUPS = Counter("cups_total", "Cups that were filled.", ("kind",))
SPILLED = Counter("spilled_litres_total", "What was spilled.")
HEAT = Gauge("heat_celsius", "How hot it is.", ("pot",))
BREW = Histogram("brew_seconds", "How long it takes.", (1, 5), ("kind",))


@pytest.fixture
def meter() -> PrometheusMeter:
    return PrometheusMeter(None)


def shown(meter: PrometheusMeter) -> Metrics:
    return Metrics(meter.exposition().decode())


class TestContract(MeterContract):
    @pytest.fixture
    def meter(self) -> Meter:
        return PrometheusMeter(None)

    @pytest.fixture
    def read(self, meter: PrometheusMeter) -> Read:
        def read(name: str, **labels: str) -> float | None:
            metrics = shown(meter)
            series = f"{name}_count" if f"{name}_count" in metrics.names() else name
            return metrics.value(series, **labels)

        return read


def test_counters_add_up(meter: PrometheusMeter) -> None:
    meter.count(CUPS, kind="tea")
    meter.count(CUPS, 2, kind="tea")
    meter.count(CUPS, kind="coffee")
    meter.count(SPILLED, 0.25)
    assert shown(meter).by("kind", "cups_total") == {"tea": 3, "coffee": 1}
    assert shown(meter)["spilled_litres_total"] == 0.25


def test_histograms_count_into_buckets(meter: PrometheusMeter) -> None:
    for seconds in (0.5, 1, 4, 60):
        meter.observe(BREW, seconds, kind="tea")
    found = shown(meter)
    assert found.by("le", "brew_seconds_bucket", kind="tea") == {"1.0": 2, "5.0": 3, "+Inf": 4}
    assert found.value("brew_seconds_sum") == 65.5


def test_gauges_are_read_when_looked_at(meter: PrometheusMeter) -> None:
    readings = iter([20.0, 95.0])
    meter.gauge(HEAT, lambda: next(readings), pot="left")
    assert shown(meter)["heat_celsius"] == 20
    assert shown(meter)["heat_celsius"] == 95


def test_a_gauge_that_fails_spoils_nothing(meter: PrometheusMeter) -> None:
    meter.gauge(HEAT, lambda: 1 / 0, pot="broken")
    meter.gauge(HEAT, lambda: 7, pot="right")
    assert shown(meter).value("heat_celsius", pot="right") == 7
    meter.gauge(HEAT, lambda: 8, pot="broken")
    assert shown(meter).value("heat_celsius", pot="broken") == 8


@pytest.mark.parametrize("labels", [{}, {"sort": "tea"}, {"kind": "tea", "sort": "green"}])
def test_labels_are_those_of_the_metric(meter: PrometheusMeter, labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="label"):
        meter.count(CUPS, **labels)
    with pytest.raises(ValueError, match="label"):
        meter.count(SPILLED, kind="tea")


def test_a_name_stands_for_one_metric(meter: PrometheusMeter) -> None:
    meter.count(Counter("cups_total", "Cups that were filled.", ("kind",)), kind="tea")
    meter.count(CUPS, kind="tea")
    with pytest.raises(ValueError, match="cups_total is declared twice"):
        meter.count(Counter("cups_total", "Cups that were broken."))


def test_series_without_end_are_cut_off(
    meter: PrometheusMeter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(prometheus_meter, "MAX_SERIES", 3)
    for number in range(10):
        meter.count(CUPS, kind=f"order {number}")
        meter.observe(BREW, 1, kind=f"order {number}")
        meter.gauge(HEAT, lambda: 1, pot=f"order {number}")
    meter.count(CUPS, kind="order 0")
    kinds = shown(meter).by("kind", "cups_total")
    assert kinds == {"order 0": 2, "order 1": 1, "order 2": 1}
    assert len(shown(meter).by("pot", "heat_celsius")) == 3
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"{name} has 3 series; others are dropped" for name in (
        "cups_total", "brew_seconds", "heat_celsius",
    )]  # fmt: skip


def test_facilitators_in_one_process_count_for_themselves(meter: PrometheusMeter) -> None:
    meter.count(SPILLED)
    assert "spilled_litres_total" not in shown(PrometheusMeter(None)).names()


@pytest.mark.parametrize("meter", [NO_METER, PrometheusMeter(None)])
def test_both_meters_take_the_same(meter: Meter) -> None:
    meter.count(CUPS, kind="tea")
    meter.observe(BREW, 1, kind="tea")
    meter.gauge(HEAT, lambda: 1, pot="left")


# --- A third party's metrics ----------------------------------------------------------------------

TEA_SHOP = """
    from facilitator import hookimpl
    from facilitator.plugin import Counter

    CUPS = Counter("tea_shop_cups_total", "Cups that were paid for.", ("state",))

    @hookimpl
    def startup(context):
        global meter
        meter = context.meter

    @hookimpl
    def settlement_changed(claim):
        meter.count(CUPS, state=claim.state)

    @hookimpl
    def health_checks(context):
        context.meter.count(CUPS, state="looked at")
        return {}
"""


@pytest.fixture
def tea_shop() -> Iterator[types.ModuleType]:
    module = types.ModuleType("tea_shop")
    exec(textwrap.dedent(TEA_SHOP), module.__dict__)
    sys.modules["tea_shop"] = module
    yield module
    del sys.modules["tea_shop"]


def test_a_plugin_brings_metrics_of_its_own(tmp_path: Path, tea_shop: types.ModuleType) -> None:
    environ = {"FACILITATOR_PLUGINS": "devnet,memory,prometheus", "FACILITATOR_SERVER__PORT": "0"}
    settings, _ = configure(environ=environ, cwd=tmp_path)
    manager = register_plugins(settings.plugins)
    manager.register(tea_shop, name="tea_shop")
    running = build_facilitator(settings, Plugins(manager, [*settings.plugins, "tea_shop"]))
    with closing(running), Server(running.app, settings.server, network=NETWORK) as server:
        running.start()
        assert scrape(server.port).value("tea_shop_cups_total", state="looked at") == 1
        assert call(server.port, "GET", "/health/live")[0] == 200
