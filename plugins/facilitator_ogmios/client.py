"""The client of one Ogmios: questions, sessions over one state, and submissions.

Some requests make Ogmios drop a connection with all that is under way on it. So each kind has
connections of its own, and each connection one question at a time.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from facilitator.cardano.ogmios.fields import Malformed, inner
from facilitator.plugin import (
    NO_REQUEST_METRICS,
    ChainUnavailable,
    NotSent,
    RequestMetrics,
    current_allowance,
    one_line,
)
from facilitator_ogmios.connection import Broken, Connection, Target, TooSlow
from facilitator_ogmios.pool import Pool

STATE_CONNECTIONS = 4
SUBMISSION_CONNECTIONS = 8
"""Submissions hang while the node's mempool is full."""

T = TypeVar("T")
Read = Callable[[Any], T]


class Refused(ChainUnavailable):
    """Ogmios answered with an error."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        """Take the error object; its message is for the operator."""
        code = error.get("code")
        self.code = code if type(code) is int else None
        """Ogmios' code of the error."""
        public = f"Ogmios cannot answer ({self.code})"
        super().__init__(
            public, f"{public} {method}: {' '.join(str(error.get('message')).split())[:200]}"
        )


class OutcomeUnknown(Exception):
    """A request that was sent, or may have been, got no answer; the text is the reason."""


class Session:
    """Questions on one connection."""

    def __init__(self, connection: Connection, deadline: float, metrics: RequestMetrics) -> None:
        """Ask until then (monotonic seconds)."""
        self._connection = connection
        self._deadline = deadline
        self._metrics = metrics

    def ask(self, method: str, read: Read[T], **params: object) -> T:
        """Return what ``read`` makes of the result. Raises :class:`ChainUnavailable`.

        Raises :class:`Broken` and :class:`TooSlow`, which end the session.
        """
        with self._metrics.request(method) as outcome:
            answer = self._connection.ask(method, params, self._deadline - time.monotonic())
            outcome.status = "error" if "error" in answer else "ok"
        return _result(method, answer, read)


class Client:
    """A client of one Ogmios, for many threads at once. Its errors hold no secret."""

    def __init__(
        self,
        target: Target,
        *,
        timeout: float,
        submit_timeout: float,
        metrics: RequestMetrics = NO_REQUEST_METRICS,
    ) -> None:
        """Connect to nothing yet; the time-outs are in seconds."""
        self.target = target
        self.timeout = timeout
        self._submit_timeout = submit_timeout
        self._metrics = metrics
        self._states = Pool(target, STATE_CONNECTIONS)
        self._submissions = Pool(target, SUBMISSION_CONNECTIONS)

    def __repr__(self) -> str:
        """Return a text without the header."""
        return "Client()"

    def ask(self, method: str, read: Read[T], **params: object) -> T:
        """Return what ``read`` makes of the result. Raises :class:`ChainUnavailable`."""
        return self.session(lambda session: session.ask(method, read, **params))

    def session(self, run: Callable[[Session], T]) -> T:
        """Return what ``run`` does with a session, again on a new connection if one breaks.

        Raises :class:`ChainUnavailable`.
        """
        deadline = self._deadline()
        try:
            with self._states.connection(deadline) as connection:
                return run(Session(connection, deadline, self._metrics))
        except Broken:  # perhaps it was closed while it was idle
            self._metrics.retry()
        except (NotSent, TooSlow) as error:
            self._raise(error)
        try:
            with self._states.connection(deadline, fresh=True) as connection:
                return run(Session(connection, deadline, self._metrics))
        except (NotSent, TooSlow, Broken) as error:
            self._raise(error)

    def send(self, method: str, **params: object) -> Mapping[str, Any]:
        """Send a question once; return the answer, with a result or an error.

        Raises :class:`ChainUnavailable` when nothing was sent, else :class:`OutcomeUnknown`.
        """
        deadline = time.monotonic() + self._submit_timeout
        try:
            with (
                self._metrics.request(method) as outcome,
                self._submissions.connection(deadline) as connection,
            ):
                answer = connection.ask(method, params, deadline - time.monotonic())
                outcome.status = "error" if "error" in answer else "ok"
                return answer
        except NotSent as error:
            raise unavailable(error) from None
        except (TooSlow, Broken) as error:
            raise OutcomeUnknown(_words(error)) from None

    def close(self) -> None:
        """Close the connections."""
        self._states.close()
        self._submissions.close()

    def _raise(self, error: Exception) -> NoReturn:
        if isinstance(error, NotSent):
            self._metrics.answered("connect", "unreachable", 0.0)
        raise unavailable(error) from None

    def _deadline(self) -> float:
        """Return the end of a question. Raises :class:`AllowanceLate` if the time is over."""
        seconds, allowance = self.timeout, current_allowance()
        if allowance is not None:
            allowance.check_time()
            seconds = min(seconds, allowance.seconds_left)
        return time.monotonic() + seconds


def unavailable(error: Exception) -> ChainUnavailable:
    """Return the error for callers; only the operator sees the cause, which may name hosts."""
    words = _words(error)
    return ChainUnavailable(words, f"{words}: {one_line(error.__cause__ or error)}")


def malformed(error: Malformed) -> ChainUnavailable:
    """Return the error for JSON that does not match Ogmios' schema."""
    return ChainUnavailable(f"Ogmios answered with something unforeseen: {error}")


def _result(method: str, answer: Mapping[str, Any], read: Read[T]) -> T:
    try:
        if "result" not in answer:
            raise Refused(method, inner(answer, "error"))
        return read(answer["result"])
    except Malformed as error:
        raise malformed(error) from None


def _words(error: Exception) -> str:
    if isinstance(error, NotSent):
        return "cannot connect to Ogmios"
    if isinstance(error, TooSlow):
        return "Ogmios did not answer in time"
    return "the connection to Ogmios failed"
