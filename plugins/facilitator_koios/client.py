"""The client of the Koios API: its token, its errors, its limits.

https://api.koios.rest: 413 the body is too large for the tier, 429 too many requests, and then for
a minute; 504 a question that takes more than 30 seconds.
"""

import random
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson

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
from facilitator_koios.budget import Budget
from facilitator_koios.wire import Answer, Broken, TooSlow, Wire

TRIES = 3
FIRST_BACKOFF = 0.2
"""Seconds before the second try, at most; twice that before the third."""
PAUSE_SECONDS = 60.0
"""Seconds for which an endpoint is left alone after 429: Koios refuses it for so long anyway."""

_RETRIED = frozenset({500, 502, 503, 504, 520, 521, 522, 523, 524})
_TOKEN_REFUSED = frozenset({401, 403})
_TOO_MANY = 429
_TOTAL = 1.5
"""The time that all tries together may take, in time-outs."""


class NoRoute(ChainUnavailable):
    """The server does not know the path."""

    def __init__(self, path: str) -> None:
        """Take the path."""
        public = f"Koios has no {path}"
        super().__init__(
            public, f"{public}: look at koios.base_url, which must hold the whole path"
        )


class OutcomeUnknown(Exception):
    """A request that was sent, or may have been, got no answer; the text is the reason."""


class Client:
    """A client of one Koios, for many threads at once. Its errors hold no secret."""

    def __init__(
        self,
        base_url: str,
        token: str | None,
        *,
        clock: Clock,
        timeout: float,
        body_limit: int | None = None,
        budget: Budget | None = None,
        plan: str | None = None,
        metrics: RequestMetrics = NO_REQUEST_METRICS,
    ) -> None:
        """Prepare requests to ``base_url``; connect to nothing yet.

        ``body_limit`` is the number of bytes that the body of a question may have.
        """
        self._base_url = base_url.rstrip("/")
        self.body_limit = body_limit
        self.plan = plan
        """The limits that are kept, in words."""
        self.lacking: set[str] = set()
        """The paths that the server turned out not to have, or never to answer."""
        self._clock = clock
        self._timeout = timeout
        self._budget = budget
        self._metrics = metrics
        self._headers = {"Accept": "application/json", "User-Agent": "x402-cardano-facilitator"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._wire = Wire(self._base_url)
        self._left_alone: dict[str, float] = {}
        """The Unix time by endpoint from which on it is left alone."""
        self._closed = threading.Event()
        self._token_is_known = False
        """True once an answer has shown that the token, or none, is accepted."""
        if budget is not None:
            metrics.quota(used=lambda: budget.spent, remaining=lambda: budget.left)

    def __repr__(self) -> str:
        """Return a text without the token."""
        return "Client()"

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON at the path; try up to three times. Raises :class:`ChainUnavailable`."""
        return self._json(f"GET {path}", self._url(path, query), None)

    def ask(self, path: str, question: Mapping[str, object], **query: object) -> Any:
        """Return the JSON that answers a question; try up to three times.

        Raises :class:`ChainUnavailable`.
        """
        return self._json(f"POST {path}", self._url(path, query), orjson.dumps(question))

    def send(self, path: str, body: bytes, content_type: str) -> Answer:
        """Post the body once; return the answer with any status.

        Raises :class:`ChainUnavailable` when nothing was sent, else :class:`OutcomeUnknown`.
        """
        endpoint, headers = f"POST {path}", {**self._headers, "Content-Type": content_type}
        self._wait_for_leave(endpoint)
        try:
            with self._metrics.request(endpoint) as outcome:
                answer = self._wire.send(self._url(path, {}), body, headers, self._timeout)
                outcome.status = str(answer.status)
        except NotSent as error:
            raise _unavailable(error) from None
        except (TooSlow, Broken) as error:
            raise OutcomeUnknown(_words(error)) from None
        self._note(endpoint, answer)
        return answer

    def wait(self, seconds: float) -> None:
        """Wait before a question is asked again; end at once when this is closed."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Close the connections; threads that wait go on at once."""
        self._closed.set()
        self._wire.close()

    def _url(self, path: str, query: Mapping[str, object]) -> str:
        text = urlencode(query, safe=",*.")
        return f"{self._base_url}{path}{'?' if text else ''}{text}"

    def _json(self, endpoint: str, url: str, body: bytes | None) -> Any:
        deadline = self._deadline()
        tried = 1
        while True:
            started = time.monotonic()
            try:
                answer = self._ask_once(endpoint, url, body, deadline)
                if 200 <= answer.status < 300:
                    self._token_is_known = True
                    return _loads(answer)
                problem = refusal(answer)
                if answer.status in _TOKEN_REFUSED and not self._token_is_known:
                    raise ProviderUnusable(problem.detail, str(problem))
                if answer.status == 404:
                    raise NoRoute(endpoint.partition(" ")[2])
                repeats = answer.status in _RETRIED
            except (NotSent, TooSlow, Broken) as error:
                _check_allowance(started, self._timeout)
                problem, repeats = _unavailable(error), True
            pause: float = FIRST_BACKOFF * 2 ** (tried - 1) * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
            if not repeats or tried >= TRIES or time.monotonic() + pause >= deadline:
                raise problem from None
            tried += 1
            self._closed.wait(pause)
            self._metrics.retry()

    def _ask_once(self, endpoint: str, url: str, body: bytes | None, deadline: float) -> Answer:
        self._wait_for_leave(endpoint)
        headers = self._headers
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        timeout = min(self._timeout, max(0.05, deadline - time.monotonic()))
        with self._metrics.request(endpoint) as outcome:
            answer = self._wire.ask(endpoint.partition(" ")[0], url, body, headers, timeout)
            outcome.status = str(answer.status)
        self._note(endpoint, answer)
        return answer

    def _wait_for_leave(self, endpoint: str) -> None:
        """Wait until a request may be made. Raises :class:`ChainUnavailable` when none may."""
        if self._closed.is_set():
            raise ChainUnavailable("the connection to Koios is closed")
        try:
            since = self._left_alone.get(endpoint, -PAUSE_SECONDS)
            if 0 <= self._clock.time() - since < PAUSE_SECONDS:  # less if it was set back
                raise ChainUnavailable(_REFUSALS[_TOO_MANY])
            if self._budget is not None and (wait := self._budget.spend(current_allowance())):
                self._closed.wait(wait)
        except ChainUnavailable:
            self._metrics.withheld()
            raise

    def _note(self, endpoint: str, answer: Answer) -> None:
        if answer.status == _TOO_MANY:
            self._left_alone[endpoint] = self._clock.time()

    def _deadline(self) -> float:
        """Return the end of a question with all its tries.

        Raises :class:`AllowanceLate` if the payment's time is over.
        """
        seconds, allowance = self._timeout * _TOTAL, current_allowance()
        if allowance is not None:
            allowance.check_time()
            seconds = min(seconds, allowance.seconds_left)
        return time.monotonic() + seconds


def _check_allowance(started: float, timeout: float) -> None:
    """Raise :class:`AllowanceLate` if the payment left a try too little time to say anything."""
    allowance = current_allowance()
    if allowance is not None and time.monotonic() - started < timeout / 2:
        allowance.check_time()


def _loads(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise ChainUnavailable("Koios answered with something else than JSON") from None


_REFUSALS = {
    401: "Koios refuses the token (401): look at koios.token",
    403: "Koios refuses the token (403): look at koios.token",
    413: "the question is too large for the tier of Koios (413): look at koios.tier",
    429: "too many requests to Koios (429); it is asked again a minute later",
    504: "Koios took too long (504)",
}


def refusal(answer: Answer) -> ChainUnavailable:
    """Return the error for an answer that is no result, in a sentence without its body."""
    known = _REFUSALS.get(answer.status, f"Koios answered with the HTTP status {answer.status}")
    return ChainUnavailable(known.partition(": ")[0], known)


def _words(error: Exception) -> str:
    if isinstance(error, NotSent):
        return "cannot connect to Koios"
    if isinstance(error, TooSlow):
        return "Koios did not answer in time"
    return "the connection to Koios failed"


def _unavailable(error: Exception) -> ChainUnavailable:
    """Return the error for callers; only the operator sees the cause, which may name hosts."""
    words = _words(error)
    return ChainUnavailable(words, f"{words}: {one_line(error.__cause__ or error)}")
