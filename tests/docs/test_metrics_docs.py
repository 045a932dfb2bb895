"""Every metric is documented as it is, and what the dashboard and the alerts ask for exists."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.observability.metrics import METRICS
from facilitator.roles.metrics import Counter, Gauge, Histogram, Metric
from facilitator.testing.payments import Payer
from facilitator.testing.running import Running
from facilitator_channels.seller.watcher import CLOSED, DEADLINE, LOOKED, NOTICES
from facilitator_prometheus.prometheus_meter import PrometheusMeter
from support.exposition import exposition

CHANNELS = (CLOSED, DEADLINE, LOOKED, NOTICES)
"""Of the plugin ``channels_watcher``; they are documented in its guide."""
NAME = r"\b(?:facilitator|channels)_\w+"
DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = DOCS / "grafana-dashboard.json"

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="needs a checkout: no docs/ here")

PROMTOOL = os.environ.get("FACILITATOR_TEST_PROMTOOL") or shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="needs promtool, of Debian's package prometheus"
)


def samples() -> Mapping[str, Metric]:
    """Names of what is shown, with the metric that they are of."""
    shown = {}
    for metric in (*METRICS, *CHANNELS):
        endings = ("_bucket", "_sum", "_count") if isinstance(metric, Histogram) else ("",)
        shown.update({f"{metric.name}{ending}": metric for ending in endings})
    return shown


def panels() -> Iterator[Mapping[str, Any]]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        if panel["type"] != "row":
            yield panel


def queries() -> Iterator[tuple[str, str]]:
    """Each query of the dashboard with its legend."""
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


def alerts() -> str:
    (rules,) = re.findall(
        r"^```yaml\n(groups:.*?)^```", (DOCS / "how-to/metrics.md").read_text(), re.M | re.S
    )
    return str(rules)


def test_every_metric_is_documented_and_none_else() -> None:
    rows = re.findall(r"^\| `.*$", (DOCS / "reference/metrics.md").read_text(), re.M)
    kinds = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
    assert rows == [
        f"| `{metric.name}` | {kinds[type(metric)]}"
        f" | {', '.join(f'`{label}`' for label in metric.labels) or 'none'} | {metric.help} |"
        for metric in METRICS
    ]


def test_how_workers_readings_are_put_together_is_documented() -> None:
    text = (DOCS / "reference/metrics.md").read_text()
    told = set(re.findall(r"`(\w+)` \((max|min)\)", text))
    not_sums = {
        (metric.name, metric.of_workers)
        for metric in METRICS
        if isinstance(metric, Gauge) and metric.of_workers != "sum"
    }
    assert told == not_sums


def test_names_follow_prometheus_customs() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("facilitator_")
        assert metric.name.endswith("_total") == isinstance(metric, Counter), metric
        assert not isinstance(metric, Histogram) or metric.name.endswith("_seconds")
        assert metric.help.endswith((".", "0")), metric


def test_the_dashboard_and_the_alerts_ask_for_metrics_that_exist() -> None:
    asked = {
        name
        for text in (*(query for query, _ in queries()), alerts())
        for name in re.findall(NAME, text)
    }
    assert asked <= set(samples())


def test_the_dashboard_shows_every_metric() -> None:
    asked = {name for query, _ in queries() for name in re.findall(NAME, query)}
    assert {samples()[name] for name in asked} == {*METRICS, *CHANNELS}


def test_the_dashboard_asks_for_labels_that_exist() -> None:
    for query, legend in queries():
        (metric, *others) = {samples()[name] for name in re.findall(NAME, query)}
        assert not others, query
        labels = {*metric.labels, *(["le"] if isinstance(metric, Histogram) else [])}
        by = [
            each.strip()
            for group in re.findall(r"by \((.*?)\)", query)
            for each in group.split(",")
        ]
        selected = re.findall(r'(\w+)[=!]~?"', query)
        assert {*by, *selected} <= labels, query
        assert set(re.findall(r"{{(\w+)}}", legend)) <= set(by), query
        assert "$__rate_interval" in query or "[1h]" in query or isinstance(metric, Gauge), query


def test_the_dashboard_is_put_together_well() -> None:
    document = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in document["panels"]]
    assert len(ids) == len(set(ids))
    sources = [variable["name"] for variable in document["templating"]["list"]]
    assert sources == ["datasource"]
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"


@needs_promtool
def test_promtool_finds_nothing_wrong(tmp_path: Path) -> None:
    settings = {"FACILITATOR_PLUGINS": "devnet,memory,prometheus"}
    with closing(Running(tmp_path, settings=settings)) as running:
        assert running.verify(Payer(running).body())["isValid"]
        shown = exposition(running.server.port)
    assert PROMTOOL is not None
    subprocess.run([PROMTOOL, "check", "metrics"], input=shown.encode(), check=True, timeout=60)
    meter = PrometheusMeter(None)
    for metric in METRICS:
        labels = dict.fromkeys(metric.labels, "x")
        match metric:
            case Counter():
                meter.count(metric, **labels)
            case Gauge():
                meter.gauge(metric, lambda: 1, **labels)
            case Histogram():
                meter.observe(metric, 1, **labels)
    everything = meter.exposition()
    subprocess.run([PROMTOOL, "check", "metrics"], input=everything, check=True, timeout=60)


@needs_promtool
def test_promtool_can_read_every_rule_and_query(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    rules = tmp_path / "rules.yml"
    records = "".join(
        f"      - record: query:{number}\n        expr: {json.dumps(query)}\n"
        for number, (query, _) in enumerate(queries())
    ).replace("$__rate_interval", "5m")
    rules.write_text(f"{alerts()}  - name: dashboard\n    rules:\n{records}")
    subprocess.run([PROMTOOL, "check", "rules", str(rules)], check=True, timeout=60)
