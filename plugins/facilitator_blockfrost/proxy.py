"""The proxy on the way out that the environment names, as other programs read it.

``HTTPS_PROXY`` or ``HTTP_PROXY`` by the scheme of the address, else ``ALL_PROXY``, also in lower
case; ``NO_PROXY`` has exceptions. A loopback address is never asked for through a proxy, which
could not reach it.
"""

import base64
import ipaddress
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import (  # type: ignore[attr-defined]  # its type hints lack it
    getproxies_environment,
    proxy_bypass_environment,
)

from facilitator.plugin import PluginError


class Proxy(NamedTuple):
    """An HTTP proxy."""

    host: str
    port: int
    authorization: str | None = None
    """The value of ``Proxy-Authorization``: a secret."""

    def __repr__(self) -> str:
        """Return a text without the credentials."""
        return f"Proxy({self.host}:{self.port})"

    @property
    def header(self) -> str:
        """The line of the credentials, if there are any."""
        return f"Proxy-Authorization: {self.authorization}\r\n" if self.authorization else ""


def proxy_for(url: SplitResult) -> Proxy | None:
    """Return the proxy for requests to the URL, if there is one.

    Raises :class:`~facilitator.errors.PluginError` for one of another kind than HTTP.
    """
    proxies = getproxies_environment()
    named = proxies.get(url.scheme) or proxies.get("all")
    host = url.hostname or ""
    if not named or _is_loopback(host) or proxy_bypass_environment(url.netloc, proxies):
        return None
    found = urlsplit(named if "://" in named else f"http://{named}")
    variable = f"{url.scheme.upper()}_PROXY"
    try:
        port = found.port or 80
    except ValueError:
        port = 0
    if found.scheme != "http" or not found.hostname or not port:
        raise PluginError(
            f"the proxy in {variable} or ALL_PROXY cannot be used: write http://<host>:<port>, or"
            f" name {host} in NO_PROXY"
        )
    return Proxy(found.hostname, port, _authorization(found))


def _authorization(found: SplitResult) -> str | None:
    if found.username is None:
        return None
    login = f"{unquote(found.username)}:{unquote(found.password or '')}"
    return f"Basic {base64.b64encode(login.encode()).decode()}"


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
