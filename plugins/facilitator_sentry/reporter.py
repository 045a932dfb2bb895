"""Failures as Sentry's events."""

from collections.abc import Mapping

import sentry_sdk
from sentry_sdk.client import BaseClient
from sentry_sdk.utils import Dsn, event_from_exception

from facilitator.plugin import Clock, HttpBounds, TimedHttp
from facilitator_sentry import traces
from facilitator_sentry.repeats import Repeats, kind_of

BOUNDS = HttpBounds(5, 0)
"""The longest wait for Sentry by ``facilitator check``, which reads no body."""

_TAGS = {"requestId": "request_id", "status": "http.status_code"}
_ABOUT_REQUEST = {"url", "path"}


class SentryReporter:
    """An :class:`~facilitator.roles.reporting.ErrorReporter` that also names its destination."""

    is_prompt = True
    """It only queues, so it is called without a thread of its own."""

    def __init__(self, client: BaseClient, dsn: str, clock: Clock) -> None:
        """Take the client of this process; ``clock`` measures the repetition of failures."""
        self._client = client
        self._dsn = Dsn(dsn)
        self._repeats = Repeats(clock)

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Queue an event, unless the same failure was reported often enough recently."""
        unsent = self._repeats.unsent(kind_of(error, context))
        if unsent is None:
            return
        event, hint = event_from_exception(
            error,
            client_options=self._client.options,
            mechanism={"type": "facilitator", "handled": True},
        )
        tags = {_TAGS.get(key, key): context[key] for key in context if key not in _ABOUT_REQUEST}
        if unsent:
            tags["unsent_repeats"] = str(unsent)
        event["tags"] = tags
        # An answer on purpose, such as 503 without the storage, is no fault.
        event["level"] = "error" if context.get("status", "500") == "500" else "warning"
        if "requestId" in context:
            event["contexts"] = {"trace": dict(traces.ids_of(context["requestId"]))}
        if "url" in context:
            event["request"] = {"method": context["method"], "url": context["url"]}
        sentry_sdk.capture_event(event, hint)

    def flush(self, timeout: float) -> None:
        """Send the queued events and close the client, within ``timeout`` seconds."""
        self._client.close(timeout)

    def where(self) -> str:
        """Return the destination once Sentry answers. Raises :class:`ConnectionError` otherwise."""
        dsn = self._dsn
        try:
            TimedHttp().ask(f"{dsn.scheme}://{dsn.netloc}/", BOUNDS, method="HEAD")
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise ConnectionError(f"Sentry at {dsn.netloc} does not answer: {reason}") from None
        options = self._client.options
        return (
            f"Sentry at {dsn.netloc} answers; project {dsn.project_id}, environment "
            f"{options['environment']}, release {options['release']}, "
            f"traces of {options['traces_sample_rate'] or 0:.0%} of requests"
        )


class Off:
    """The error reporter without a DSN."""

    is_prompt = True

    def report(self, error: BaseException, context: Mapping[str, str]) -> None:
        """Do nothing."""

    def flush(self, timeout: float) -> None:
        """Do nothing."""

    def where(self) -> str:
        """Return the sentence that nothing is reported."""
        return "off: the setting sentry.dsn is not set"
