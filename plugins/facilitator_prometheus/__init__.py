"""Metrics for Prometheus at ``/metrics``."""

from collections.abc import Mapping
from typing import cast

from facilitator.plugin import Context, Meter, hookimpl
from facilitator_prometheus.prometheus_meter import PrometheusMeter
from facilitator_prometheus.route import Metrics
from facilitator_prometheus.settings import PrometheusSettings


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``prometheus``."""
    return {"prometheus": PrometheusSettings}


@hookimpl
def meter(context: Context) -> Meter:
    """Return the meter of this process; each worker's meter shows the metrics of all workers."""
    return PrometheusMeter(context.worker)


@hookimpl
def routes(context: Context) -> Mapping[str, object]:
    """Return the route ``/metrics``."""
    settings = context.settings.section(PrometheusSettings)
    return {"/metrics": Metrics(cast(PrometheusMeter, context.meter), settings)}
