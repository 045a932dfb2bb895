"""The values that observers of requests get."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request, without its body, its query and what is secret in its headers."""

    request_id: str
    """The id that is in the log, and in the header ``X-Request-ID`` of the answer."""
    method: str
    """The HTTP method, in upper case."""
    path: str
    """The path without the query."""
    uri_template: str | None
    """The route; ``None`` before the request is routed, and for one without a route."""
    remote_addr: str
    """The client's address; before the request is routed, that of the nearest proxy."""
    caller: str | None
    """The name of the API key, once it was checked."""
    headers: Mapping[str, str]
    """Those that name the client's program, the content and the trace, in lower case."""


@dataclass(frozen=True, slots=True)
class ResponseView:
    """An answer, without its body."""

    status_code: int
    """The HTTP status."""
    seconds: float
    """Time from the request's start to this answer."""
