"""What trying or judging one thing showed."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

Status = Literal["ok", "warning", "failed"]


class Result(NamedTuple):
    """What trying or judging one thing showed."""

    name: str
    status: Status
    detail: str
    remedy: str | None = None
    """What to do, where the detail does not say so."""


def attempt(name: str, action: Callable[[], str], remedy: str) -> Iterator[Result]:
    """What the action says, or why it fails and what to do then; and each warning that it logs."""
    with listening(name) as warnings:
        try:
            result = Result(name, "ok", action())
        except Exception as error:
            detail = " ".join(str(error).split()) or type(error).__name__
            result = Result(name, "failed", detail, remedy)
    yield from (result, *warnings)


class _Warnings(logging.Handler):
    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self._name = name
        self.results: list[Result] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.results.append(Result(self._name, "warning", record.getMessage()))


@contextmanager
def listening(name: str) -> Iterator[list[Result]]:
    """What the facilitator, its plugins and libraries warn of meanwhile in the log."""
    logger, warnings = logging.getLogger(), _Warnings(name)
    logger.addHandler(warnings)
    try:
        yield warnings.results
    finally:
        logger.removeHandler(warnings)
