"""Middleware that every request passes."""

import logging
import time
from collections.abc import Collection, Mapping
from typing import Any, Literal

import falcon

from facilitator.api.errors import ApiError
from facilitator.api.forwarding import (
    FORWARDED_FOR,
    ForwardingWarnings,
    forwarding_headers,
    is_local,
)
from facilitator.api.proxies import TrustedProxies
from facilitator.api.rate_limit import HEADERS as QUOTA_HEADERS
from facilitator.api.requests import request_id_of
from facilitator.api.responses import EXTENSION_RESPONSES, HEADERS
from facilitator.observability import logs
from facilitator.settings.hosts import is_loopback, is_own_host

logger = logging.getLogger("facilitator.http")


_EXPOSED = ("X-Request-ID", "Retry-After", EXTENSION_RESPONSES, *QUOTA_HEADERS)


_USUAL_HEADERS = tuple(HEADERS.items())

_PROBES = "/health/"
"""The path that supervisors and balancers ask, and those below it."""


def log_request(
    *,
    method: str,
    path: str,
    address: str,
    status: int,
    seconds: float,
    further: Mapping[str, Any],
) -> None:
    """Log one answered request, which took so many ``seconds``, with ``further`` fields."""
    fields = {
        "req": {"method": method, "url": path, "remoteAddress": address},
        "res": {"statusCode": status},
        "responseTime": round(seconds * 1000, 3),
        **further,
    }
    level = logging.INFO if status < 500 else logging.WARNING
    if status < 400 and f"{path}/".startswith(_PROBES):
        level = logging.DEBUG  # asked every few seconds, by machines
    if logger.isEnabledFor(level):
        record = logger.makeRecord(logger.name, level, __file__, 0, "request completed", (), None)
        vars(record).update(fields)  # as ``extra`` each would be set and compared by itself
        logger.handle(record)


class Request(falcon.Request):
    """A request with an id from the start, so that any error can name it."""

    def __init__(self, env: dict[str, Any], options: falcon.RequestOptions | None = None) -> None:
        """Set the id and the start time."""
        super().__init__(env, options=options)
        self.context.started = time.perf_counter()
        self.context.request_id = request_id_of(env.get("HTTP_X_REQUEST_ID"))
        logs.begin_request(self.context.request_id)


class Response(falcon.Response):
    """A response with the usual headers, any of which a resource may replace."""

    def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
        """Set the headers."""
        super().__init__(options=options)
        self.set_headers(_USUAL_HEADERS)


class RequestLog:
    """Middleware that returns the id as ``X-Request-ID``, and logs the end of the request."""

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Set the header and log the answer."""
        resp.set_header("X-Request-ID", req.context.request_id)
        further = logs.request_fields()
        if "caller" in req.context:
            further = {"caller": req.context.caller, **further}
        log_request(
            method=req.method,
            path=req.path,
            address=req.remote_addr,
            status=resp.status_code,
            seconds=time.perf_counter() - req.context.started,
            further=further,
        )
        logs.end_request()


class HeadAsGet:
    """Middleware that has HEAD answered like GET; Falcon then leaves the body out."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Route HEAD as GET."""
        if req.method == "HEAD":
            req.method = "GET"
            req.context.is_head = True

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,  # noqa: ARG002
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Restore the method, for the log."""
        if req.context.get("is_head"):
            req.method = "HEAD"


class ClientAddress:
    """Middleware that sets ``remote_addr`` to the client's address behind a trusted proxy.

    It removes the forwarding headers of all others, so that they can deceive no code. Two
    attributes of ``req.context`` say where the request comes from. ``is_local``: from a program of
    this machine, and nothing forwarded it. ``is_relayed``: a proxy forwarded it, ``remote_addr`` is
    the proxy's own address, and the client's is not known.
    """

    def __init__(self, trusted_proxies: Collection[str], listens_on: str) -> None:
        """Trust these IP addresses and networks of proxies. ``listens_on`` is ``server.host``."""
        self.trust(trusted_proxies)
        self._listens_on = listens_on
        self._is_for_this_machine = is_loopback(listens_on)
        self._warnings = ForwardingWarnings()

    def trust(self, proxies: Collection[str]) -> None:
        """Trust these IP addresses and networks from now on, and no others."""
        self._proxies = TrustedProxies(proxies)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Set the client's address, or remove its forwarding headers.

        Raises :class:`ApiError` 403.
        """
        peer, headers = req.remote_addr, forwarding_headers(req.env)
        req.context.is_local = not headers and is_local(req.env, peer, self._listens_on)
        req.context.is_relayed = bool(headers) and not self._set_client(req, peer, headers)
        if not headers:
            self._check_host(req)

    def _set_client(self, req: falcon.Request, peer: str, headers: list[str]) -> bool:
        """Return True if the address of the client is known, which is then set."""
        proxies = self._proxies
        if not proxies.trusts(peer):
            self._warnings.unknown_proxy(peer, headers)
            for name in headers:
                del req.env[name]
            return False
        forwarded_for = req.env.get(FORWARDED_FOR, "")
        req.env["REMOTE_ADDR"] = proxies.client(peer, forwarded_for)
        if not forwarded_for.strip(" ,"):
            self._warnings.silent_proxy(peer, headers)
            return False
        return True

    def _check_host(self, req: falcon.Request) -> None:
        """Refuse ``/status`` by a name that a web page made this machine's.

        Such a page could read what only programs of this machine can. Proxies send other names
        too, but they forward.
        """
        area = req.path.lstrip("/").partition("/")[0]
        if (
            area == "status"
            and self._is_for_this_machine
            and not is_own_host(req.env.get("HTTP_HOST"), self._listens_on)
        ):
            raise ApiError(403, "forbidden", "The Host of the request is not that of this server.")


class Cors:
    """Middleware that lets browsers call from the allowed origins, by Falcon's own rules."""

    def __init__(self, origins: Collection[str]) -> None:
        """Allow these origins; ``*`` stands for all."""
        self.allow(origins)

    def allow(self, origins: Collection[str]) -> None:
        """Allow these origins from now on, and no others."""
        allowed: Literal["*"] | Collection[str] = "*" if "*" in origins else origins
        self._policy: falcon.CORSMiddleware[Any, Any] = falcon.CORSMiddleware(
            allow_origins=allowed, expose_headers=_EXPOSED
        )
        self._allowed = allowed

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Set the CORS headers. A cache must not give one origin's answer to another."""
        if "HTTP_ORIGIN" in req.env:
            self._policy.process_response(req, resp, resource, req_succeeded)
        if self._varies:
            resp.append_header("Vary", "Origin")

    def headers(self, origin: str | None) -> list[tuple[str, str]]:
        """Return the headers of an answer that the app does not give."""
        headers = [("Vary", "Origin")] if self._varies else []
        if origin is not None and (self._allowed == "*" or origin in self._allowed):
            shown = "*" if self._allowed == "*" else origin
            headers.append(("Access-Control-Allow-Origin", shown))
            headers.append(("Access-Control-Expose-Headers", ", ".join(_EXPOSED)))
        return headers

    @property
    def _varies(self) -> bool:
        return self._allowed != "*" and bool(self._allowed)
