"""The fields that may go to Sentry, masked and free of payment data.

The rules do no I/O. Fields that are not listed here are left out.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from facilitator.plugin import LEFT_OUT, Redactor, without_payments

MAX_LENGTH = 4096
"""The longest text, in characters. Masking comes before the cut, which could halve a secret."""

_Rule = Callable[[Any], Any]


class Scrubber:
    """A filter that leaves only harmless fields in an event or a transaction."""

    def __init__(self, secrets: Iterable[str], public_key: str) -> None:
        """Mask these secrets; set ``public_key`` of the DSN where the SDK names the project."""
        self._redactor = Redactor(secrets)
        trusted, text = self._trusted, self._text
        span = _fields(
            **_same(_moment, "start_timestamp", "timestamp"),
            **_same(text, "trace_id", "span_id", "parent_span_id", "op", "description", "status"),
            **_same(text, "origin"),
            data=_fields(
                **{"http.request.method": text, "http.method": text},
                **_same(_number, "http.response.status_code"),
            ),
        )
        sampling = _fields(
            **_same(text, "trace_id", "sample_rate", "sample_rand", "sampled", "transaction"),
            **_same(trusted, "environment", "release"),
            public_key=lambda _: public_key,
        )
        # Names in code and settings of this process may be long, but are no payment data.
        frame = _fields(
            **_same(trusted, "filename", "function", "module"),
            lineno=_number,
            in_app=_number,
        )
        exception = _fields(
            **_same(trusted, "type", "module"),
            value=text,
            mechanism=_fields(
                **_same(trusted, "type", "source"),
                **_same(_number, "handled", "exception_id", "parent_id", "is_exception_group"),
            ),
            stacktrace=_fields(frames=_each(frame)),
        )
        tags = ("http.status_code", "method", "plugin", "hook", "thread", "unsent_repeats")
        self._event = _fields(
            **_same(trusted, "environment", "release", "server_name", "platform"),
            **_same(text, "event_id", "type", "level", "transaction"),
            **_same(_moment, "timestamp", "start_timestamp"),
            transaction_info=_fields(source=text),
            sdk=_fields(**_same(trusted, "name", "version")),
            request=_fields(method=text, url=self._url),
            # Ids for tracing are long; payments don't fit into this one, whose form was checked.
            tags=_fields(**_same(text, *tags), request_id=trusted),
            contexts=_fields(
                trace=_with(span, "dynamic_sampling_context", sampling),
            ),
            exception=_fields(values=_each(exception)),
            spans=_each(span),
        )

    def __call__(self, event: Any, hint: Any = None) -> Any:  # noqa: ARG002
        """Return the scrubbed event, for the SDK's ``before_send``."""
        return self._event(event)

    def _trusted(self, value: object) -> str:
        return self._redactor.text(str(value))

    def _text(self, value: object) -> str:
        return without_payments(self._redactor.text(str(value)))[:MAX_LENGTH]

    def _url(self, value: object) -> str:
        """Return the URL without user, query and fragment."""
        try:
            parts = urlsplit(str(value))
            host = parts.netloc.rpartition("@")[2]
            return self._text(parts._replace(netloc=host, query="", fragment="").geturl())
        except ValueError:
            return LEFT_OUT


def _number(value: object) -> object:
    return value if value is None or isinstance(value, int | float) else LEFT_OUT


def _moment(value: object) -> object:
    is_moment = isinstance(value, str) and re.fullmatch(r"[0-9T:.Z+-]{1,35}", value)
    return value if is_moment else _number(value)


def _fields(**rules: _Rule) -> _Rule:
    """Return the rule that keeps these fields of a mapping, each by its own rule."""

    def rule(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return None
        return {name: rules[name](value[name]) for name in rules if value.get(name) is not None}

    return rule


def _each(rule: _Rule) -> _Rule:
    return lambda value: [rule(one) for one in value] if isinstance(value, list) else []


def _same(rule: _Rule, *names: str) -> dict[str, _Rule]:
    return dict.fromkeys(names, rule)


def _with(rule: _Rule, name: str, further: _Rule) -> _Rule:
    """Return the rule with one further field."""
    both = _fields(**{name: further})
    return lambda value: {**(rule(value) or {}), **(both(value) or {})}
