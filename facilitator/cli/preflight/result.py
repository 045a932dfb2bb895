"""Results of the checks."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from facilitator.errors import FacilitatorError, one_line
from facilitator.observability.redaction import Redactor
from facilitator.plugin.time_limits import TookTooLong, run_within
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.roles.storage import StorageUnavailable

LIMIT_SECONDS = 60.0
"""The longest time that anything may take that is tried."""

Status = Literal["ok", "warning", "failed"]


class Result(NamedTuple):
    """The result of one check."""

    name: str
    status: Status
    detail: str
    remedy: str | None = None
    """The remedy, if the detail does not say it."""


def attempt(name: str, action: Callable[[], str], remedy: str) -> Iterator[Result]:
    """Yield the action's result, or its failure with the remedy; then each warning that it logs.

    A :class:`FacilitatorError` has its remedy in its text.
    """
    with listening(name) as warnings:
        try:
            result = Result(name, "ok", run_within(LIMIT_SECONDS, action, "check").get())
        except TookTooLong as error:
            result = Result(name, "failed", str(error), remedy)
        except FacilitatorError as error:
            result = Result(name, "failed", str(error))
        except (StorageUnavailable, ChainUnavailable) as error:
            result = Result(name, "failed", " ".join(error.detail.split()), remedy)
        except Exception as error:
            detail = " ".join(str(error).split()) or type(error).__name__
            result = Result(name, "failed", detail, remedy)
    yield from (result, *warnings)


def redacted(results: Iterable[Result], redactor: Redactor) -> Iterator[Result]:
    """Yield the results with every secret in their texts masked."""
    for result in results:
        remedy = result.remedy and redactor.text(result.remedy)
        yield result._replace(
            name=redactor.text(result.name), detail=redactor.text(result.detail), remedy=remedy
        )


class _Warnings(logging.Handler):
    def __init__(self, name: str) -> None:
        super().__init__(logging.WARNING)
        self._name = name
        self.results: list[Result] = []

    def emit(self, record: logging.LogRecord) -> None:
        why = f": {one_line(record.exc_info[1])}" if record.exc_info and record.exc_info[1] else ""
        self.results.append(Result(self._name, "warning", record.getMessage() + why))


@contextmanager
def listening(name: str) -> Iterator[list[Result]]:
    """Collect the warnings that the facilitator, its plugins and libraries log meanwhile."""
    logger, warnings = logging.getLogger(), _Warnings(name)
    logger.addHandler(warnings)
    try:
        yield warnings.results
    finally:
        logger.removeHandler(warnings)
