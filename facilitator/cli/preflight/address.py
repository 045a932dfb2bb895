"""The check of the address to listen on: it is free, or taken by a running facilitator."""

import json
from dataclasses import replace

from facilitator.api.descriptions import INDEX
from facilitator.client.timed_http import HttpBounds, TimedHttp
from facilitator.server import ListenError, listen, port_of, url_of
from facilitator.settings import ServerSettings

_BOUNDS = HttpBounds(2, 65_536)


def try_address(settings: ServerSettings) -> str:
    """Return what is at the address: nothing, or a facilitator that runs already.

    Raises :class:`~facilitator.server.ListenError` when it cannot be had.
    """
    url = url_of(settings, settings.port)
    try:
        sockets = listen(settings)
    except ListenError:
        if version := _running(settings):
            return f"{url} is taken by a facilitator that runs, version {version}"
        raise
    port = port_of(sockets[0])
    for each in sockets:
        each.close()
    return f"{url_of(settings, port)} is free"


def _running(settings: ServerSettings) -> str | None:
    """Return the version of the facilitator that answers at the address, if one does."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    url = url_of(replace(settings, host=host), settings.port)
    try:
        answer = json.loads(TimedHttp(uses_proxy=False).ask(f"{url}/", _BOUNDS).body)
        return str(answer["version"]) if answer["name"] == INDEX["name"] else None
    except (OSError, ValueError, LookupError, TypeError):
        return None
