"""HTTP by urllib3: kept connections, the proxy that the environment names, whole deadlines."""

import math
import socket
import ssl
import time
from contextvars import ContextVar
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit
from urllib.request import (  # type: ignore[attr-defined]  # its type hints lack it
    getproxies_environment,
    proxy_bypass_environment,
)

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Timeout, make_headers, parse_url

from facilitator.plugin import NotSent, PluginError, is_loopback

CONNECT_SECONDS = 3.0
MAX_IDLE = 32
MAX_BODY = 32 * 1024 * 1024
LIFETIME_SECONDS = 10.0
"""Age at which kept connections are used no more: the host's name may lead to other machines."""
_CHUNK = 64 * 1024


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes


class TooSlow(TimeoutError):
    """The answer did not come in time."""


class Broken(Exception):
    """The connection broke, or what came is no whole HTTP answer."""


_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)
"""The monotonic time at which the exchange of the calling thread must be over."""


class _Plain(socket.socket):
    """A socket whose reads end with the exchange, however slowly the bytes come."""

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Read within the time that is left. Raises :class:`TimeoutError`."""
        _leave_the_rest(self)
        return super().recv_into(buffer, nbytes, flags)


class _Encrypted(ssl.SSLSocket):
    """The same over TLS."""

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        """Read within the time that is left. Raises :class:`TimeoutError`."""
        _leave_the_rest(self)
        return super().recv_into(buffer, nbytes, flags)


def _leave_the_rest(of: socket.socket) -> None:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    of.settimeout(None if math.isinf(left) else left)


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        timeout = made.gettimeout()
        sock = _Plain(made.family, made.type, made.proto, made.detach())
        sock.settimeout(timeout)
        return sock


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Connection


class Wire:
    """Connections to one origin, for many threads at once."""

    def __init__(self, base_url: str) -> None:
        """Connect to nothing yet. Raises :class:`PluginError` for a proxy that cannot be used."""
        self._origin = urlsplit(base_url)
        self._tls = _tls() if self._origin.scheme == "https" else None
        self._proxy = _proxy_for(self._origin)
        self._kept = self._manager()
        self._made_at = time.monotonic()

    def ask(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Answer:
        """Send a request that may be repeated, over a kept connection if there is one.

        After any answer but a success no connection is kept: a server that stands by since a
        failover answers so, and another one may be had by the same name. Raises :class:`NotSent`,
        :class:`TooSlow` and :class:`Broken`.
        """
        kept = self._kept
        if time.monotonic() - self._made_at > LIFETIME_SECONDS:
            kept.clear()
            self._made_at = time.monotonic()
        answer = _exchange(kept, method, url, body, headers, timeout)
        if not 200 <= answer.status < 300:
            kept.clear()
        return answer

    def send(self, url: str, body: bytes, headers: dict[str, str], timeout: float) -> Answer:
        """Post what must not be repeated, over a new connection.

        The other end may close a kept one just when the request is on its way. Raises the same.
        """
        manager = self._manager()
        try:
            return _exchange(manager, "POST", url, body, headers, timeout)
        finally:
            manager.clear()

    def close(self) -> None:
        """Close the idle connections."""
        self._kept.clear()

    def _manager(self) -> urllib3.PoolManager:
        options: dict[str, Any] = {"maxsize": MAX_IDLE, "retries": False, "ssl_context": self._tls}
        if self._proxy is None:
            manager = urllib3.PoolManager(**options)
        else:
            url = parse_url(self._proxy)
            headers = make_headers(proxy_basic_auth=url.auth) if url.auth else None
            address = f"http://{url.netloc}"
            manager = urllib3.ProxyManager(address, proxy_headers=headers, **options)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": HTTPSConnectionPool}
        return manager


def _exchange(
    manager: urllib3.PoolManager,
    method: str,
    url: str,
    body: bytes | None,
    headers: dict[str, str],
    seconds: float,
) -> Answer:
    token = _deadline.set(time.monotonic() + seconds)
    timeout = Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds)
    try:
        response = manager.request(
            method,
            url,
            body=body,
            headers=headers,
            timeout=timeout,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        whole = bytearray()
        try:
            while part := response.read1(_CHUNK, decode_content=False):
                whole += part
                if len(whole) > MAX_BODY:
                    raise Broken("the answer is too large")
            if not _is_whole(response.headers.get("Content-Length"), len(whole)):
                raise Broken("the connection was closed before the answer ended")
        except BaseException:
            response.close()
            raise
        response.release_conn()
    except (NewConnectionError, ConnectTimeoutError, ProxyError) as error:
        raise NotSent from error
    except SSLError as error:
        # Only a handshake finds a bad certificate, before anything is sent.
        is_refused = isinstance(error.args[0], ssl.SSLCertVerificationError)
        raise (NotSent if is_refused else Broken) from error
    except ReadTimeoutError as error:
        raise TooSlow from error
    except (HTTPError, OSError) as error:
        raise Broken from error
    finally:
        _deadline.reset(token)
    return Answer(response.status, bytes(whole))


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.sslsocket_class = _Encrypted
    return context


def _is_whole(length: str | None, received: int) -> bool:
    return length is None or not length.isdecimal() or int(length) == received


def _proxy_for(url: SplitResult) -> str | None:
    """Return the address of the proxy for requests to the URL, if there is one."""
    proxies = getproxies_environment()
    named = proxies.get(url.scheme) or proxies.get("all")
    host = url.hostname or ""
    if not named or is_loopback(host) or proxy_bypass_environment(url.netloc, proxies):
        return None
    found = str(named) if "://" in named else f"http://{named}"
    if not found.startswith("http://") or not urlsplit(found).hostname:
        raise PluginError(
            f"the proxy in {url.scheme.upper()}_PROXY or ALL_PROXY cannot be used: write"
            f" http://<host>:<port>, or name {host} in NO_PROXY"
        )
    return found
