"""A meter over the Prometheus client library."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import prometheus_client
from prometheus_client.registry import Collector

from facilitator.plugin import Counter, Gauge, Histogram, Metric, Worker
from facilitator_prometheus.processes import SAMPLE_SECONDS, Shared, keep_in_memory

MAX_SERIES = 1000
"""The most combinations of label values of a metric: each is kept for good."""

_log = logging.getLogger(__name__)

_Key: TypeAlias = "tuple[str | tuple[str, str], ...]"
_Read: TypeAlias = Callable[[], float]


class PrometheusMeter:
    """A :class:`facilitator.roles.metrics.Meter` for Prometheus."""

    is_prompt = True
    """It never waits, so it is called without a thread of its own."""

    def __init__(self, worker: Worker | None) -> None:
        """Count in this process' memory, or as a worker in files that all workers see."""
        self._own = prometheus_client.CollectorRegistry()
        self._lock = threading.Lock()
        self._families: dict[str, tuple[Metric, Any]] = {}
        self._series: dict[_Key, Any] = {}
        self._sizes: dict[str, int] = {}
        self._readings: dict[_Key, tuple[Any, _Read]] = {}
        self._collector: Collector = self._own
        prometheus_client.disable_created_metrics()
        if worker is None:
            keep_in_memory()
            prometheus_client.ProcessCollector(registry=self._own)
        else:
            self._collector = Shared(worker)
            threading.Thread(target=self._sample_loop, name="metrics", daemon=True).start()

    def count(self, metric: Counter, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        self._one(metric, labels).inc(amount)

    def observe(self, metric: Histogram, value: float, /, **labels: str) -> None:
        """Note a measured value."""
        self._one(metric, labels).observe(value)

    def gauge(self, metric: Gauge, read: Callable[[], float], /, **labels: str) -> None:
        """Call ``read`` whenever the gauge is shown; in workers, each second."""
        series = self._one(metric, labels)
        with self._lock:
            self._readings[_key(metric, labels)] = series, read

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        self._sample()
        return prometheus_client.generate_latest(self._collector)

    # --- Series ----------------------------------------------------------------------------------

    def _one(self, metric: Metric, labels: Mapping[str, str]) -> Any:
        key = _key(metric, labels)
        found = self._series.get(key)
        return self._new(metric, labels, key) if found is None else found

    def _new(self, metric: Metric, labels: Mapping[str, str], key: _Key) -> Any:
        with self._lock:
            if key in self._series:
                return self._series[key]
            family = self._family(metric)
            self._sizes[metric.name] += 1
            if (size := self._sizes[metric.name]) > MAX_SERIES:
                if size == MAX_SERIES + 1:
                    _log.error("%s has %d series; others are dropped", metric.name, MAX_SERIES)
                return _DROPPED
            series = family.labels(**labels) if labels or metric.labels else family
            self._series[key] = series
            return series

    def _family(self, metric: Metric) -> Any:
        known, family = self._families.get(metric.name, (metric, None))
        if known != metric:
            raise ValueError(f"the metric {metric.name} is declared twice, and differently")
        if family is None:
            family = _family(metric, self._own)
            self._families[metric.name] = metric, family
            self._sizes[metric.name] = 0
        return family

    # --- Gauges ----------------------------------------------------------------------------------

    def _sample(self) -> None:
        with self._lock:
            readings = list(self._readings.values())
        for series, read in readings:
            try:
                series.set(read())
            except Exception as error:
                _log.debug("a gauge has no reading: %s", error)

    def _sample_loop(self) -> None:
        pause = threading.Event()
        while not pause.wait(SAMPLE_SECONDS):
            self._sample()


class _Dropped:
    """A series that is not kept."""

    def inc(self, amount: float) -> None: ...

    def observe(self, value: float) -> None: ...

    def set(self, value: float) -> None: ...


_DROPPED = _Dropped()


def _key(metric: Metric, labels: Mapping[str, str]) -> _Key:
    return (metric.name, *labels.items())


def _family(metric: Metric, registry: prometheus_client.CollectorRegistry) -> Any:
    match metric:
        case Counter():
            return prometheus_client.Counter(
                metric.name, metric.help, metric.labels, registry=registry
            )
        case Gauge():
            return prometheus_client.Gauge(
                metric.name,
                metric.help,
                metric.labels,
                registry=registry,
                multiprocess_mode=f"live{metric.of_workers}",  # type: ignore[arg-type]  # a Literal
            )
        case Histogram():
            return prometheus_client.Histogram(
                metric.name,
                metric.help,
                metric.labels,
                registry=registry,
                buckets=metric.buckets,
            )
