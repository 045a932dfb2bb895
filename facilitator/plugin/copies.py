"""Copies of what hooks get: whatever a plugin does to them changes nothing else."""

import copy
import io
from collections.abc import Mapping
from typing import Any

import falcon


def private(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a hook for one plugin alone."""
    return {name: _private(value) for name, value in arguments.items()}


def _private(value: Any) -> Any:
    if isinstance(value, falcon.Request):
        return _request(value)
    return value if isinstance(value, BaseException) else copy.deepcopy(value)


def _request(request: falcon.Request) -> falcon.Request:
    """Return a copy that has no body: that can be read once only, and is the core's."""
    environ = {**request.env, "wsgi.input": io.BytesIO()}
    alone = falcon.Request(environ, options=request.options)
    alone.method, alone.uri_template = request.method, request.uri_template
    alone.context = copy.copy(request.context)
    return alone
