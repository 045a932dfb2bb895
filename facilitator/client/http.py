"""HTTP requests for one resource, as a client that pays makes them."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, InvalidURL
from urllib.parse import urlsplit

from facilitator.client.errors import CannotPay
from facilitator.roles.payer import HttpAnswer

_MOST_BYTES = 1 << 20
"""The bytes that are read of an answer without the page, however long a server makes it."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A handler that follows no redirection: a payment signed for one server goes to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


class Client:
    """An HTTP client for one URL, with headers and data that go with every request."""

    def __init__(
        self, url: str, headers: Mapping[str, str], data: bytes | None, timeout_seconds: float
    ) -> None:
        """Prepare GET, or POST with ``data``. Raises :class:`CannotPay` unless the URL is HTTP."""
        if not url.lower().startswith(("http://", "https://")):
            raise CannotPay(f"{url!r} is no URL of HTTP")
        self._url = url
        self._headers = headers
        self._data = data
        self._timeout = timeout_seconds
        self._opener = urllib.request.build_opener(_NoRedirects)

    @property
    def server(self) -> str:
        """The scheme, host and port of the URL."""
        scheme, place, *_ = urlsplit(self._url)
        return f"{scheme.lower()}://{place.rpartition('@')[2].lower()}"

    def send(self, further: Mapping[str, str]) -> HttpAnswer:
        """Return the answer to a request with these headers as well. Raises :class:`OSError`."""
        try:
            headers = {**self._headers, **further}
            request = urllib.request.Request(self._url, self._data, headers)  # noqa: S310
            answer = self._opener.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            answer = error
        except urllib.error.URLError as error:
            raise OSError(_why(error.reason)) from error
        except (ValueError, InvalidURL) as error:
            raise CannotPay(f"the request cannot be made: {error}") from None
        except HTTPException as error:
            raise OSError(f"the answer is not HTTP: {error!r:.100}") from error
        with answer:
            try:
                is_page = 200 <= answer.status < 300
                body = answer.read() if is_page else answer.read(_MOST_BYTES)
                return HttpAnswer(answer.status, answer.headers, body)
            except HTTPException as error:
                raise OSError(f"the answer was cut short: {error!r:.100}") from error


def _why(reason: object) -> str:
    """Return the reason in words, without the number of an error."""
    text = reason.strerror if isinstance(reason, OSError) else None
    return text or str(reason)
