"""What happens to every request, whatever it asks for."""

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


def log_request(
    *, method: str, path: str, address: str, status: int, seconds: float, **further: str
) -> None:
    """Log one answered request; ``seconds`` is how long it took."""
    fields = {
        "req": {"method": method, "url": path, "remoteAddress": address},
        "res": {"statusCode": status},
        "responseTime": round(seconds * 1000, 3),
        **further,
    }
    level = logging.INFO if status < 500 else logging.WARNING
    logger.log(level, "request completed", extra=fields)


class Request(falcon.Request):
    """A request with an id from its first moment, so that whatever goes wrong can name it."""

    def __init__(self, env: dict[str, Any], options: falcon.RequestOptions | None = None) -> None:
        """Begin."""
        super().__init__(env, options=options)
        self.context.started = time.perf_counter()
        self.context.request_id = request_id_of(self.get_header("X-Request-ID"))
        logs.request_id.set(self.context.request_id)


class RequestLog:
    """Returns the request's id as ``X-Request-ID``, and logs the request's end."""

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """End."""
        resp.set_header("X-Request-ID", req.context.request_id)
        further = {"caller": req.context.caller} if "caller" in req.context else {}
        log_request(
            method=req.method,
            path=req.path,
            address=req.remote_addr,
            status=resp.status_code,
            seconds=time.perf_counter() - req.context.started,
            **further,
        )
        logs.request_id.set(None)


class Observers(Protocol):
    """Who wants to hear of requests. Must not raise."""

    def request_started(self, request: falcon.Request) -> None:
        """Take note of a request before anything is done about it."""
        ...

    def request_completed(self, request: falcon.Request, response: falcon.Response) -> None:
        """Take note of its answer."""
        ...


class Observed:
    """Tells the observers of every request, in the thread that answers it."""

    def __init__(self, observers: Observers) -> None:
        """Tell these."""
        self._observers = observers

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Tell that it begins."""
        self._observers.request_started(req)

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Tell that it is answered."""
        self._observers.request_completed(req, resp)


class ResponseHeaders:
    """Adds the headers that the resource has not set itself."""

    def __init__(self, headers: Mapping[str, str] = HEADERS) -> None:
        """Add these."""
        self._headers = headers

    def process_response(
        self,
        req: falcon.Request,  # noqa: ARG002
        resp: falcon.Response,
        resource: object,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Add them."""
        for name, value in self._headers.items():
            if resp.get_header(name) is None:
                resp.set_header(name, value)


class HeadAsGet:
    """Answers HEAD by whatever answers GET; Falcon then leaves the body out."""

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Route it as GET."""
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
        """Show it as it came."""
        if req.context.get("is_head"):
            req.method = "HEAD"


class ClientAddress:
    """Makes ``remote_addr`` the client's where a trusted proxy forwarded the request.

    From anybody else the forwarding headers are removed, so that nothing can be fooled by them.
    """

    def __init__(self, trusted_proxies: Collection[str]) -> None:
        """Trust these IP addresses and networks."""
        self.trust(trusted_proxies)

    def trust(self, proxies: Collection[str]) -> None:
        """Trust these IP addresses and networks from now on, and no others."""
        self._proxies = TrustedProxies(proxies)

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:  # noqa: ARG002
        """Find the client, or forget what it claims."""
        peer, proxies = req.remote_addr, self._proxies
        if proxies.trusts(peer):
            forwarded_for = req.env.get("HTTP_X_FORWARDED_FOR", "")
            req.env["REMOTE_ADDR"] = proxies.client(peer, forwarded_for)
            return
        for name in [name for name in req.env if name.startswith("HTTP_X_FORWARDED_")]:
            del req.env[name]
        req.env.pop("HTTP_FORWARDED", None)


class Cors:
    """Lets browsers call from the origins that are allowed, by Falcon's own rules."""

    def __init__(self, origins: Collection[str]) -> None:
        """Allow these; ``*`` stands for all."""
        self.allow(origins)

    def allow(self, origins: Collection[str]) -> None:
        """Allow these from now on, and no others."""
        allowed: Literal["*"] | Collection[str] = "*" if "*" in origins else origins
        self._policy: falcon.CORSMiddleware[Any, Any] = falcon.CORSMiddleware(
            allow_origins=allowed, expose_headers=("X-Request-ID", "Retry-After", *QUOTA_HEADERS)
        )

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        """Tell the browser."""
        self._policy.process_response(req, resp, resource, req_succeeded)
