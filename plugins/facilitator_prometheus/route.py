"""The route ``/metrics``, for callers that may read it."""

import hmac
import ipaddress

import falcon

from facilitator_prometheus.prometheus_meter import PrometheusMeter
from facilitator_prometheus.settings import PrometheusSettings

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of Prometheus' text format, which every scraper can read."""


class Metrics:
    """The resource ``/metrics``, with all metrics in Prometheus' format."""

    def __init__(self, meter: PrometheusMeter, settings: PrometheusSettings) -> None:
        """Show the metrics of ``meter`` to the callers that the settings allow."""
        self._meter = meter
        self._networks = [ipaddress.ip_network(each) for each in settings.allow]
        self._shown = None if settings.token is None else f"bearer {settings.token}".encode()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer with all metrics. Raises 403 for other callers."""
        if not (self._is_near(req) or self._shows_token(req)):
            raise falcon.HTTPForbidden(
                title="forbidden",
                description="/metrics is for this machine, the networks in prometheus.allow, and"
                " callers that show prometheus.token.",
            )
        resp.data = self._meter.exposition()
        resp.content_type = MEDIA_TYPE

    def _is_near(self, req: falcon.Request) -> bool:
        if req.context.is_local:
            return True
        try:
            ip = ipaddress.ip_address(req.remote_addr)
        except ValueError:
            return False  # a proxy may forward other things, such as "unknown"
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped  # IPv4, as a dual-stack socket shows it
        # The address of a proxy that is not trusted says nothing of its clients. And what comes by
        # the loopback, but is not local, is a web page or calls itself so behind a proxy.
        if req.context.is_relayed or ip.is_loopback:
            return False
        return any(ip in network for network in self._networks)

    def _shows_token(self, req: falcon.Request) -> bool:
        scheme, _, token = (req.get_header("Authorization") or "").partition(" ")
        shown = f"{scheme.lower()} {token.strip()}".encode()
        return self._shown is not None and hmac.compare_digest(shown, self._shown)
