"""Logging through the standard library: one JSON object a line in pino's shape, or for people.

Modules log by ``logging.getLogger("facilitator…")`` and give further fields with ``extra``:
``logger.info("settlement changed", extra={"tx": tx, "state": state})``. They must not pass payment
payloads, request headers or keys. Known secret values are masked in every text, tracebacks
included. Anything that may be a part of a payment is left out of exceptions.
"""

import json
import logging
import os
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TextIO

import orjson

from facilitator.observability.colour import painted
from facilitator.observability.redaction import Redactor, without_payments
from facilitator.observability.wrapping import fitted
from facilitator.settings import LogSettings

_request: ContextVar[tuple[str, dict[str, Any]] | None] = ContextVar("request", default=None)
"""Id of the request that the current thread works on, and the fields of its last line."""

QUEUE_WARNING_SECONDS = 60.0

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime"}
_FIRST = len(vars(logging.makeLogRecord({})))
"""The number of attributes that each record has before those that are logged with it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

logger = logging.getLogger("facilitator")


def begin_request(identifier: str) -> None:
    """Have every line of this thread carry the request's id, until :func:`end_request`."""
    _request.set((identifier, {}))


def describe_request(**fields: Any) -> None:
    """Add fields to the line that ends the request of this thread, if it works on one."""
    current = _request.get()
    if current is not None:
        current[1].update(fields)


def request_id() -> str:
    """Return the id of this thread's request, which every line carries as ``reqId``.

    Empty if it works on none.
    """
    current = _request.get()
    return "" if current is None else current[0]


def request_fields() -> Mapping[str, Any]:
    """Return the fields that :func:`describe_request` added to this thread's request."""
    current = _request.get()
    return {} if current is None else current[1]


def end_request() -> None:
    """End what :func:`begin_request` began."""
    _request.set(None)


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the fields logged with the message."""
        further = islice(vars(record).items(), _FIRST, None)
        extra = {name: value for name, value in further if name not in _STANDARD}
        if (current := _request.get()) is not None:
            extra.setdefault("reqId", current[0])
        return extra

    def _error(self, record: logging.LogRecord) -> dict[str, str] | None:
        if not record.exc_info or record.exc_info[1] is None:
            return None
        error = record.exc_info[1]
        stack = "".join(traceback.format_exception(error)).rstrip("\n")
        return {
            "type": type(error).__name__,
            "message": self._clean(str(error)),
            "stack": self._clean(stack),
        }

    def _clean(self, text: str) -> str:
        """Return the text of an error without secrets and payments, which it may quote."""
        # In this order: the other one could leave half a secret.
        return without_payments(self._redactor.text(text))


class JsonFormatter(_Formatter):
    """A formatter for one JSON object as pino writes it. It never raises for a logged value."""

    def __init__(self, redactor: Redactor) -> None:
        """Mask with ``redactor``."""
        super().__init__(redactor)
        self._host = socket.gethostname()

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        fixed: dict[str, Any] = {
            "level": _pino_level(record.levelno),
            "time": int(record.created * 1000),
            "pid": os.getpid(),
            "hostname": self._host,
            "name": record.name,
        }
        # The fixed ones come first for readers, and cannot be overwritten.
        entry = {**fixed, **self._fields(record), **fixed, "msg": record.getMessage()}
        if error := self._error(record):
            entry["err"] = error
        with suppress(TypeError):  # a logged value is not made for JSON
            line = orjson.dumps(entry).decode()
            if not self._redactor.finds_in_json(line):
                return line
        masked = {**self._redactor.value(entry), **fixed}
        try:
            return orjson.dumps(masked).decode()
        except TypeError:  # numbers of more than 64 bits, text that is not Unicode
            return json.dumps(masked, default=str)


class PrettyFormatter(_Formatter):
    """A formatter for a line for people. Control characters in logged values are escaped."""

    def __init__(self, redactor: Redactor, stream: TextIO | None = None) -> None:
        """Mask with ``redactor``; show levels in colour if the ``stream`` can."""
        super().__init__(redactor)
        self._stream = stream

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line, followed by the indented traceback if there is one.

        On a terminal the line is broken between words.
        """
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        parts = [self._redactor.text(record.getMessage())]
        fields = self._redactor.value(self._fields(record))
        parts += [f"{name}={value}" for name, value in _flat("", fields)]
        level = f"{_printable(record.levelname):<8}"
        line = self._fitted(f"{moment} {level} {_printable(' '.join(parts))}")
        lines = [line.replace(level, self._painted(level, record.levelno), 1)]
        if error := self._error(record):
            lines += ["    " + _printable(line) for line in error["stack"].splitlines()]
        return "\n".join(lines)

    def _fitted(self, line: str) -> str:
        return line if self._stream is None else fitted(line, self._stream)

    def _painted(self, level: str, number: int) -> str:
        if self._stream is None or number < logging.WARNING:
            return level
        return painted(level, "red" if number >= logging.ERROR else "yellow", self._stream)


def _pino_level(level: int) -> int:
    """Return pino's number of a level of the standard library.

    Pino counts 10 to 60, the standard library 10 to 50 without ``trace``.
    """
    return max(10, min(60, (level // 10 + 1) * 10))


def _flat(prefix: str, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield prefix + name, value


def _printable(text: str) -> str:
    text = _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return text.encode("utf-8", "backslashreplace").decode()


class _Throttle(logging.Filter):
    """A filter that lets one record pass in so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class _Handler(logging.StreamHandler[TextIO]):
    """The handler that :func:`configure_logging` installs, so that it can find it again."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line. The lock is held already, which the base class takes once more."""
        try:
            self.stream.write(self.format(record) + self.terminator)
            self.stream.flush()
        except Exception:
            self.handleError(record)


def configure_logging(
    settings: LogSettings, *, secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send every logger's records to ``stream``, masked and in the format that is set.

    May be called again, also while other threads log. Records of libraries are logged from ``info``
    on, even if the level is lower. Warnings and exceptions that end a thread are logged too.

    Args:
        settings: Level and format.
        secrets: Values that must never be shown, such as ``settings.secrets()``.
        stream: Destination; standard error if not given.
    """
    stream = stream or sys.stderr
    chosen = settings.format
    if chosen == "auto":
        chosen = "pretty" if stream.isatty() else "json"
    redactor = Redactor(secrets)
    _handler(stream).setFormatter(
        JsonFormatter(redactor) if chosen == "json" else PrettyFormatter(redactor, stream)
    )
    root = logging.getLogger()
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    root.setLevel(max(level, logging.INFO))
    logger.setLevel(level)
    _throttle(logging.getLogger("waitress.queue"))
    logging.captureWarnings(True)
    # No format shows these, and every record would look them up. So says the logging HOWTO.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    threading.excepthook = _log_thread_failure


def _handler(stream: TextIO) -> _Handler:
    """Return the stream's handler. An existing one is kept, so that no record is lost."""
    root = logging.getLogger()
    for former in [one for one in root.handlers if isinstance(one, _Handler)]:
        if former.stream is stream:
            return former
        root.removeHandler(former)
    handler = _Handler(stream)
    root.addHandler(handler)
    return handler


def _throttle(noisy: logging.Logger) -> None:
    if not any(isinstance(one, _Throttle) for one in noisy.filters):
        noisy.addFilter(_Throttle(QUEUE_WARNING_SECONDS))


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is None or issubclass(failure.exc_type, SystemExit):
        return
    name = failure.thread.name if failure.thread else "unknown"
    logger.error(
        "a thread ended by an exception", exc_info=failure.exc_value, extra={"worker": name}
    )
