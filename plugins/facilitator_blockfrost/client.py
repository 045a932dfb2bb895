"""The client of the Blockfrost API: its headers, its errors, its limits.

https://docs.blockfrost.io: 402 the day's requests are used up, 403 the project ID is refused,
418 banned for more requests after 402 or 429, 425 the mempool is full, 429 too many requests.
"""

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson
from blockfrost.utils import Api  # type: ignore[import-untyped]  # has no type hints

from facilitator.plugin import (
    NO_REQUEST_METRICS,
    ChainUnavailable,
    Clock,
    NotSent,
    ProviderUnusable,
    RequestMetrics,
    current_allowance,
    one_line,
)
from facilitator_blockfrost.budget import Budget
from facilitator_blockfrost.connection import Answer, Origin
from facilitator_blockfrost.pool import Pool
from facilitator_blockfrost.prefix import PROBE, find_prefix
from facilitator_blockfrost.proxy import proxy_for
from facilitator_blockfrost.quota_pause import QuotaPause

_log = logging.getLogger("facilitator_blockfrost.client")

TRIES = 3
_PASSING = frozenset({425, 429, 502, 503, 504, 520, 521, 522, 523, 524})
"""Statuses that say nothing of the path: its server cannot answer for now."""
_RETRIED = _PASSING | {500}
_KEY_REFUSED = frozenset({401, 403})
_NO_ROUTE = frozenset({405, 501})
FIRST_BACKOFF = 0.2
"""Seconds before the second try, at most; twice that before the third."""

_LONGEST_RETRY_AFTER = 3.0
_TOTAL = 1.5
"""The time that all tries together may take, in time-outs."""


class Missing(Exception):
    """Blockfrost answered 404: it does not have the resource."""


class NoRoute(Missing):
    """The server does not know the path at all: it cannot do what the path is for."""

    def __init__(self, path: str, *, is_said: bool = True) -> None:
        """Take the path; ``is_said`` is false if only its method was refused."""
        super().__init__(path)
        self.is_said = is_said


class Refused(ChainUnavailable):
    """The server answered, and not with a result."""

    def __init__(self, status: int, public: str, detail: str = "") -> None:
        """Take the HTTP status, and the sentences for callers and the operator."""
        super().__init__(public, detail)
        self.may_pass = status in _PASSING
        """True if the same path may be answered a moment later."""


class OutcomeUnknown(Exception):
    """A request that was sent, or may have been, got no answer; the text is the reason."""


class Client:
    """A client of one Blockfrost API, for many threads at once. Its errors hold no secret."""

    def __init__(
        self,
        base_url: str,
        project_id: str | None,
        *,
        clock: Clock,
        timeout: float,
        budget: Budget | None,
        metrics: RequestMetrics = NO_REQUEST_METRICS,
        prefixes: Sequence[str] = ("/v0",),
    ) -> None:
        """Prepare requests to ``base_url``; connect to nothing yet.

        Of several ``prefixes`` that may follow it, the first that answers is found out by trying.
        """
        url = urlsplit(base_url)
        self._prefixes = tuple(prefixes)
        self._prefix_lock = threading.Lock()
        self.lacking: set[str] = set()
        """The paths that the server turned out not to have."""
        api = Api(project_id, base_url, "v0")
        tls = ssl.create_default_context() if url.scheme == "https" else None
        host = url.hostname or ""
        proxy = proxy_for(url)
        self._pool = Pool(Origin(host, url.port or (443 if tls else 80), tls, proxy))
        is_forwarded = proxy is not None and tls is None  # each request is read by the proxy
        self._path = f"http://{url.netloc}{url.path}" if is_forwarded else url.path
        headers = {
            "Host": url.netloc,
            "Accept": "application/json",
            **api.user_agent_header,
            **(api.authentication_header if project_id else {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if proxy is not None:
            lines += proxy.header if is_forwarded else ""
            _log.info("%s is asked through the proxy %s:%d", host, proxy.host, proxy.port)
        self._headers = lines.encode()
        self._get_end = b" HTTP/1.1\r\n" + self._headers + b"\r\n"
        self._timeout = timeout
        self._budget = budget
        self._metrics = metrics
        self._quota_pause = QuotaPause(clock)
        self._closed = threading.Event()
        self._key_is_known = False
        """True once an answer has shown that the key is accepted."""
        if budget is not None:
            metrics.quota(
                used=lambda: budget.spent,
                remaining=lambda: 0.0 if self._quota_pause.is_of_quota else budget.left,
            )

    def __repr__(self) -> str:
        """Return a text without the project ID."""
        return "Client()"

    @property
    def plan(self) -> str | None:
        """The plan whose limits are kept, if any."""
        return self._budget.plan if self._budget else None

    def get(self, path: str, **values: object) -> Any:
        """Return the JSON at the path, which begins with ``/``; try up to three times.

        The ``values`` replace the names in braces. Metrics count the path with its braces.
        Raises :class:`Missing` for 404, :class:`NoRoute` where the server says that there is no
        such path, :class:`ProviderUnusable` for a refused key and :class:`ChainUnavailable`.
        """
        endpoint = f"GET {path.partition('?')[0]}"
        path = path.format(**values)
        request = self._get_request(self._prefix() + path)
        deadline = self._deadline()
        tried = 1
        problem: ChainUnavailable
        while True:
            started = time.monotonic()
            try:
                answer = self._ask(endpoint, request, deadline, repeatable=True)
                if answer.status == 200:
                    self._key_is_known = True
                    return _json(answer)
                if answer.status == 404:
                    raise Missing(path)
                if _has_no_route(answer):
                    raise NoRoute(path, is_said=answer.status not in _NO_ROUTE)
                problem = refusal(answer)
                if answer.status in _KEY_REFUSED and not self._key_is_known:
                    raise ProviderUnusable(problem.detail, str(problem))
                pause = self._backoff(answer, tried)
            except (OSError, NotSent) as error:
                _check_allowance(started, self._timeout)
                problem, pause = _unavailable(error), self._backoff(None, tried)
            if pause is None or time.monotonic() + pause >= deadline:
                raise problem from None
            tried += 1
            self._closed.wait(pause)
            self._metrics.retry()

    def post(self, path: str, body: bytes, content_type: str) -> Answer:
        """Post the body to the path once; return the answer with any status.

        Raises :class:`ChainUnavailable` when nothing was sent, else :class:`OutcomeUnknown`.
        """
        head = (
            f" HTTP/1.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        ).encode()
        target = f"{self._path}{self._prefix()}{path}".encode()
        request = b"POST " + target + head + self._headers + b"\r\n" + body
        deadline = time.monotonic() + self._timeout
        try:
            endpoint = f"POST {path.partition('?')[0]}"
            return self._ask(endpoint, request, deadline, repeatable=False)
        except NotSent as error:
            raise _unavailable(error) from None
        except OSError as error:
            raise OutcomeUnknown(_failure(error)) from None

    def close(self) -> None:
        """Close the connections; threads that wait for a turn or another try go on at once."""
        self._closed.set()
        self._pool.close()

    def _deadline(self) -> float:
        """Return the end of a request with all its tries.

        Raises :class:`AllowanceLate` if the payment's time is over.
        """
        seconds, allowance = self._timeout * _TOTAL, current_allowance()
        if allowance is not None:
            allowance.check_time()
            seconds = min(seconds, allowance.seconds_left)
        return time.monotonic() + seconds

    def _get_request(self, path: str) -> bytes:
        return b"GET " + f"{self._path}{path}".encode("ascii") + self._get_end

    def _prefix(self) -> str:
        """Return the prefix of all paths, found by trying where several may be."""
        if len(self._prefixes) > 1:
            with self._prefix_lock:
                if len(self._prefixes) > 1:
                    self._prefixes = (find_prefix(self._prefixes, self._ask_once, refusal),)
        return self._prefixes[0]

    def _ask_once(self, path: str) -> Answer:
        request, deadline = self._get_request(path), time.monotonic() + self._timeout
        try:
            return self._ask(f"GET {PROBE}", request, deadline, repeatable=True)
        except (OSError, NotSent) as error:
            raise _unavailable(error) from None

    def _ask(self, endpoint: str, request: bytes, deadline: float, *, repeatable: bool) -> Answer:
        if self._closed.is_set():
            raise ChainUnavailable("the connection to Blockfrost is closed")
        self._wait_for_leave()
        timeout = min(self._timeout, max(0.05, deadline - time.monotonic()))
        with self._metrics.request(endpoint) as outcome:
            answer = self._pool.ask(request, timeout, repeatable=repeatable)
            outcome.status = str(answer.status)
        self._quota_pause.note(answer.status)
        return answer

    def _wait_for_leave(self) -> None:
        """Wait until a request may be made. Raises :class:`ChainUnavailable` when none may."""
        try:
            self._quota_pause.check()
            if self._budget is not None and (wait := self._budget.spend(current_allowance())):
                self._closed.wait(wait)
        except ChainUnavailable:
            self._metrics.withheld()
            raise

    def _backoff(self, answer: Answer | None, tried: int) -> float | None:
        """Return the seconds to wait before another try; ``None`` when there is no other."""
        if tried >= TRIES or (answer is not None and answer.status not in _RETRIED):
            return None
        backoff: float = FIRST_BACKOFF * 2 ** (tried - 1) * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
        asked = 0 if answer is None else answer.retry_after or 0
        return max(backoff, asked) if asked <= _LONGEST_RETRY_AFTER else None


def _check_allowance(started: float, timeout: float) -> None:
    """Raise :class:`AllowanceLate` if the payment left a try too little time to say anything."""
    allowance = current_allowance()
    if allowance is not None and time.monotonic() - started < timeout / 2:
        allowance.check_time()


def _json(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        words = "Blockfrost answered with something else than JSON"
        raise Refused(answer.status, words) from None


def refusal(answer: Answer) -> Refused:
    """Return the error for an answer that is no result, in a sentence without its body."""
    detail = _refusal(answer)
    return Refused(answer.status, detail.partition(": ")[0], detail)


def _has_no_route(answer: Answer) -> bool:
    if answer.status in _NO_ROUTE:
        return True
    # blockfrost-backend-ryo answers so, and 404 only for what it does not have.
    return answer.status == 400 and b'"Invalid path' in answer.body


_REFUSALS = {
    401: "Blockfrost refuses the project ID (401): set the one of this network's project",
    400: "Blockfrost did not understand the request (400)",
    403: "Blockfrost refuses the project ID (403): set the one of this network's project",
    404: "Blockfrost does not know the address asked for (404): look at base_url",
    425: "the mempool of Blockfrost's node is full (425)",
    429: "too many requests a second to Blockfrost (429)",
}


def _refusal(answer: Answer) -> str:
    known = _REFUSALS.get(answer.status)
    if known is not None:
        return known
    return f"Blockfrost answered with the HTTP status {answer.status}"


def _public(error: BaseException) -> str:
    """Return the error in a line that names no host, as one of TLS may."""
    return "TLS failed" if isinstance(error, ssl.SSLError) else one_line(error)


def _unavailable(error: BaseException) -> ChainUnavailable:
    return ChainUnavailable(_failure(error), _failure(error, one_line))


def _failure(error: BaseException, shown: Callable[[BaseException], str] = _public) -> str:
    if isinstance(error, NotSent):
        return f"cannot connect to Blockfrost: {shown(error.__cause__ or error)}"
    if isinstance(error, TimeoutError):
        return "Blockfrost did not answer in time"
    return f"the connection to Blockfrost failed: {shown(error)}"
