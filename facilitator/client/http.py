"""HTTP requests for one resource, as a client that pays makes them."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from facilitator.client.errors import CannotPay
from facilitator.client.timed_http import HttpBounds, TimedHttp
from facilitator.roles.payer import HttpAnswer

_MOST_BYTES = 1 << 20
"""The bytes that are read of an answer without the page, however long a server makes it."""
PAGE = HttpBounds(3_600, 1 << 30)
"""Bounds of a page, which may be long, and was paid for: an hour, and 1 GiB."""


class Client:
    """An HTTP client for one URL, with headers and data that go with every request.

    It follows no redirection: a payment signed for one server goes to no other.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        data: bytes | None,
        timeout_seconds: float,
        page: HttpBounds = PAGE,
    ) -> None:
        """Prepare GET, or POST with ``data``. Raises :class:`CannotPay` unless the URL is HTTP.

        ``timeout_seconds`` is the time for an answer, but for a page, which has its own bounds.
        """
        if not url.lower().startswith(("http://", "https://")):
            raise CannotPay(f"{url!r} is no URL of HTTP")
        self._url = url
        self._headers = headers
        self._data = data
        self._bounds = HttpBounds(timeout_seconds, _MOST_BYTES)
        self._page = page
        self._http = TimedHttp()

    @property
    def server(self) -> str:
        """The scheme, host and port of the URL."""
        scheme, place, *_ = urlsplit(self._url)
        return f"{scheme.lower()}://{place.rpartition('@')[2].lower()}"

    def send(self, further: Mapping[str, str]) -> HttpAnswer:
        """Return the answer to a request with these headers as well. Raises :class:`OSError`."""
        seconds, most_bytes = self._page
        page = HttpBounds(seconds, most_bytes + 1)
        headers = {**self._headers, **further}
        try:
            answer = self._http.ask(
                self._url, self._bounds, body=self._data, headers=headers, page=page
            )
        except ValueError as error:
            raise CannotPay(f"the request cannot be made: {error}") from None
        if len(answer.body) > most_bytes:
            raise OSError(f"the page is longer than {most_bytes} bytes")
        return answer
