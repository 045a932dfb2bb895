"""Middleware that every request passes."""

import logging
import time
from collections.abc import Collection, Mapping
from typing import Any, Literal, Protocol

import falcon

from facilitator.api.proxies import TrustedProxies
from facilitator.api.rate_limit import HEADERS as QUOTA_HEADERS
from facilitator.api.requests import request_id_of
from facilitator.api.responses import HEADERS
from facilitator.observability import logs

logger = logging.getLogger("facilitator.http")


_EXPOSED = ("X-Request-ID", "Retry-After", *QUOTA_HEADERS)


def log_request(
    *, method: str, path: str, address: str, status: int, seconds: float, **further: Any
) -> None:
    """Log one answered request, which took so many ``seconds``."""
    fields = {
        "req": {"method": method, "url": path, "remoteAddress": address},
        "res": {"statusCode": status},
        "responseTime": round(seconds * 1000, 3),
        **further,
    }
    level = logging.INFO if status < 500 else logging.WARNING
    logger.log(level, "request completed", extra=fields)


class Request(falcon.Request):
    """A request with an id from the start, so that any error can name it."""

    def __init__(self, env: dict[str, Any], options: falcon.RequestOptions | None = None) -> None:
        """Set the id and the start time."""
        super().__init__(env, options=options)
        self.context.started = time.perf_counter()
        self.context.request_id = request_id_of(self.get_header("X-Request-ID"))
        logs.begin_request(self.context.request_id)


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
        further = {"caller": req.context.caller} if "caller" in req.context else {}
        log_request(
            method=req.method,
            path=req.path,
            address=req.remote_addr,
            status=resp.status_code,
            seconds=time.perf_counter() - req.context.started,
            **further,
            **logs.request_fields(),
        )
        logs.end_request()


class RequestListener(Protocol):
    """A listener to requests. Its methods must not raise."""

    def request_started(self, request: falcon.Request) -> None:
        """Handle the start of a request, before any other part does."""
        ...

    def request_completed(self, request: falcon.Request, response: falcon.Response) -> None:
        """Handle the answer of a request."""
        ...


class RequestNotifications:
    """Middleware that notifies a listener of every request, in the thread that answers it."""

    def __init__(self, listener: RequestListener) -> None:
        """Notify ``listener``."""
        self._listener = listener

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Notify of the start."""
        self._listener.request_started(req)

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Notify of the answer."""
        self._listener.request_completed(req, resp)


class ResponseHeaders:
    """Middleware that adds the headers which the resource has not set itself."""

    def __init__(self, headers: Mapping[str, str] = HEADERS) -> None:
        """Take the headers and their values."""
        self._headers = headers

    def process_response(
        self,
        req: falcon.Request,  # noqa: ARG002
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Add the headers."""
        for name, value in self._headers.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)


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

    It removes the forwarding headers of all others, so that they can deceive no code.
    """

    def __init__(self, trusted_proxies: Collection[str]) -> None:
        """Trust these IP addresses and networks of proxies."""
        self.trust(trusted_proxies)

    def trust(self, proxies: Collection[str]) -> None:
        """Trust these IP addresses and networks from now on, and no others."""
        self._proxies = TrustedProxies(proxies)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Set the client's address, or remove its forwarding headers."""
        peer, proxies = req.remote_addr, self._proxies
        if proxies.trusts(peer):
            forwarded_for = req.env.get("HTTP_X_FORWARDED_FOR", "")
            req.env["REMOTE_ADDR"] = proxies.client(peer, forwarded_for)
            return
        for name in [name for name in req.env if name.startswith("HTTP_X_FORWARDED_")]:
            del req.env[name]
        req.env.pop("HTTP_FORWARDED", None)


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
