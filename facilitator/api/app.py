"""The Falcon app: every endpoint and the middleware around it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import falcon

from facilitator.api import docs, openapi
from facilitator.api.auth import Authenticate, Gate, GateForResources
from facilitator.api.cancel import Cancel
from facilitator.api.descriptions import OF_LEDGER
from facilitator.api.errors import ErrorHandler
from facilitator.api.failures import Failures, OnFailure
from facilitator.api.health import Health, Live, Ready
from facilitator.api.inspect import Inspect, InspectPayment
from facilitator.api.metrics import RequestMetrics
from facilitator.api.middleware import (
    ClientAddress,
    Cors,
    HeadAsGet,
    Request,
    RequestLog,
    Response,
)
from facilitator.api.payments import payment_resources
from facilitator.api.probe import Faults, Probes
from facilitator.api.rate_limit import RateLimit
from facilitator.api.request_views import RequestListener, RequestNotifications
from facilitator.api.service import PaymentService
from facilitator.api.settle import Settle
from facilitator.api.status import PostedStatus, Status
from facilitator.api.stored_keys import StoredKeys
from facilitator.api.supported import Index, Supported
from facilitator.api.verify import Verify
from facilitator.clock import Clock, SystemClock
from facilitator.errors import PluginError
from facilitator.roles.metrics import NO_METER, Meter
from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.rate_limit import RateLimiter
from facilitator.settings import Settings
from facilitator.settings.subscription import Subscribe
from facilitator.x402.networks import NETWORKS


class App(falcon.App[Any, Any]):
    """The WSGI app."""

    cors: Cors
    """The CORS policy in force, for answers that the HTTP server gives by itself."""


def application(
    service: PaymentService,
    *,
    settings: Settings,
    clock: Clock | None = None,
    routes: Mapping[str, object] | None = None,
    reasons: Iterable[str] = (),
    authenticate: Authenticate | None = None,
    stored_keys: StoredKeys | None = None,
    rate_limiter: RateLimiter | None = None,
    on_failure: OnFailure | None = None,
    request_listener: RequestListener | None = None,
    inspect: InspectPayment | None = None,
    meter: Meter = NO_METER,
    subscribe: Subscribe = lambda _: None,
    faults: Faults = dict,
    ledger: PaymentLedger | None = None,
    sign_example: docs.SignExample = lambda: None,
) -> falcon.App[Any, Any]:
    """Return the HTTP interface to ``service`` as a WSGI app.

    Args:
        service: The facilitator; its ``health`` is asked once, now, for the checks.
        settings: ``server``, ``auth`` and ``networks`` are read.
        clock: Gives the timestamps of ``/health``, and the time of the examples.
        routes: Further Falcon resources by URI template; they can replace none of the core's. An
            attribute ``openapi`` of one is its path item in ``/openapi.json``.
        reasons: Reasons of refusals that transfer methods declare, for ``/openapi.json``.
        authenticate: May refuse a request that carries a payment, as the API keys may.
        stored_keys: The API keys in the storage, if it keeps any.
        rate_limiter: Asked about every request, except those of ``/health`` and of this machine.
        on_failure: Called for every request that is answered with 5xx.
        request_listener: Notified of the start and of the answer of every request.
        inspect: Answers ``/inspect``; without it there is no such path.
        meter: Counts requests.
        subscribe: Registers a function to call when API keys, proxies or origins change.
        faults: Returns what plugins failed in lately, for ``/health``.
        ledger: Read by operators; without it there are no paths ``/payments``.
        sign_example: Returns the payment for the examples in ``/openapi.json``, if there is a valid
            one.

    Raises:
        PluginError: A further route is one of the core's.
    """
    app = App(request_type=Request, response_type=Response)
    gate = Gate(settings.auth, authenticate, stored_keys)
    subscribe(lambda changed: gate.set_keys(changed.auth))
    _add_middleware(app, settings, on_failure, request_listener, meter, subscribe)
    app.add_middleware(GateForResources(gate))
    if rate_limiter is not None:
        app.add_middleware(RateLimit(rate_limiter, gate.sender_of, meter))
    app.req_options.strip_url_path_trailing_slash = True
    ErrorHandler(settings.networks[0]).register(app)
    probes = Probes(service.health(), faults)
    core = _resources(service, settings, clock, gate, probes, ledger)
    if inspect is not None:
        core["/inspect"] = Inspect(inspect, gate, settings.server.max_body_bytes)
    core["/docs"] = docs.build_page()
    core["/openapi.json"] = docs.build_description(
        openapi.build_document(
            [*core, "/openapi.json"],
            routes or {},
            max_body_bytes=settings.server.max_body_bytes,
            keys_needed=settings.auth.payments_need_key,
            networks=NETWORKS,
            reasons=reasons,
        ),
        sign_example,
        clock or SystemClock(),
    )
    for path, resource in core.items():
        app.add_route(path, resource)
    for path, resource in (routes or {}).items():
        _add_further(app, path, resource, core)
    return app


def _resources(
    service: PaymentService,
    settings: Settings,
    clock: Clock | None,
    gate: Gate,
    probes: Probes,
    ledger: PaymentLedger | None,
) -> dict[str, object]:
    limit = settings.server.max_body_bytes
    return {
        "/": Index({} if ledger is None else OF_LEDGER),
        "/verify": Verify(service, gate, limit),
        "/settle": Settle(service, gate, limit),
        "/cancel": Cancel(service, gate, limit),
        "/supported": Supported(service),
        "/status": PostedStatus(service, limit),
        "/status/{transaction}": Status(service),
        "/health": Health(probes, clock or SystemClock()),
        "/health/live": Live(),
        "/health/ready": Ready(probes),
        **payment_resources(ledger, gate),
    }


def _add_further(
    app: falcon.App[Any, Any], path: str, resource: object, taken: Collection[str]
) -> None:
    if path in taken:
        raise PluginError(f"a plugin brings the route {path}, which the core has already")
    try:
        app.add_route(path, resource)
    except ValueError as error:
        raise PluginError(f"a plugin brings the route {path}, which cannot be: {error}") from error


def _add_middleware(
    app: App,
    settings: Settings,
    on_failure: OnFailure | None,
    request_listener: RequestListener | None,
    meter: Meter,
    subscribe: Subscribe,
) -> None:
    """Add the middleware, the log first: responses pass it last, so it sees the final answer."""
    address = ClientAddress(settings.server.trusted_proxies, settings.server.host)
    app.cors = cors = Cors(settings.server.cors_origins)
    app.add_middleware(RequestLog())
    if meter is not NO_METER:
        app.add_middleware(RequestMetrics(meter))
    if request_listener is not None:
        app.add_middleware(RequestNotifications(request_listener))
    if on_failure is not None:
        app.add_middleware(Failures(on_failure))
    app.add_middleware(address)
    app.add_middleware(HeadAsGet())
    app.add_middleware(cors)
    subscribe(lambda changed: address.trust(changed.server.trusted_proxies))
    subscribe(lambda changed: cors.allow(changed.server.cors_origins))
