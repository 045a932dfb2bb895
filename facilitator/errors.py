"""Faults of the set-up: they stop the start with exit code 1, with one line for each."""

import difflib
import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class FacilitatorError(Exception):
    """The facilitator cannot start or go on; the text gives the reason and the remedy."""


class PluginError(FacilitatorError):
    """A plugin is missing, breaks a contract, or does not work together with the others."""


class Problem(NamedTuple):
    """One problem of the settings."""

    key: str
    """The setting by its dotted name, such as ``server.port``, or the file."""
    sentence: str
    """The fault of its value, and what is accepted."""

    def __str__(self) -> str:
        """Return the line that a person reads."""
        return f"{self.key}: {self.sentence}"


class ConfigInvalidError(FacilitatorError):
    """The settings are wrong; names every problem, one a line, and never a secret's value."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems, in the order in which they are reported."""
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class EndedBySignal(SystemExit):
    """A signal ends the process. Code of plugins raises :class:`SystemExit` alone."""


def ends_process(error: BaseException) -> bool:
    """Return True for an error that a signal raises to end the process, in its main thread.

    In any other thread it is an error of the code that raises it.
    """
    is_exit = isinstance(error, KeyboardInterrupt | EndedBySignal)
    return is_exit and threading.current_thread() is threading.main_thread()


def one_line(error: BaseException) -> str:
    """Return the error's type and text in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def cause_of(error: BaseException) -> str:
    """Return in one line what an operator should know of the error: its detail, if it has one."""
    detail = getattr(error, "detail", None)
    return " ".join(detail.split()) if isinstance(detail, str) and detail else one_line(error)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests the nearest known name; empty without one."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]}?" if near else ""
