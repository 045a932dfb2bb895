"""The rows of a report: the result of one rule each."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from facilitator.roles.refused import Refused

Value = TypeVar("Value")

_PREDICATE = re.compile(r"``([A-Z][A-Za-z]{7,})``")


class Result(StrEnum):
    """The result of a check."""

    HOLDS = "pass"
    BROKEN = "fail"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one rule for a payment or a transaction."""

    scope: str
    """``scheme`` for the payment scheme's rules, ``ledger`` for the ledger's."""
    name: str
    result: Result
    detail: str = ""
    """The figures behind the result, or the cause if there is none."""
    rule: str | None = None
    """The ledger's predicate failure, or the reason of the scheme's refusal."""
    about: str | None = None
    """The demand of a rule of the ledger."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as data."""
        return {
            "scope": self.scope,
            "name": self.name,
            "rule": self.rule,
            "result": self.result.value,
            "detail": self.detail,
            "about": self.about,
        }


def overall_result(checks: list[Check]) -> Result:
    """Return "fail" if any check failed, else "not judged" if any was not judged."""
    results = {check.result for check in checks}
    for result in (Result.BROKEN, Result.NOT_JUDGED):
        if result in results:
            return result
    return Result.HOLDS


def predicate_of(rule: Callable[..., object]) -> str | None:
    """Return the ledger's predicate failure, if the rule's documentation names one."""
    match = _PREDICATE.search(_first_line(rule))
    return match[1] if match else None


def about(rule: Callable[..., object]) -> str:
    """Return what the rule demands, and the source that its documentation cites."""
    return _first_line(rule).replace("``", "").removesuffix(".")


def _first_line(rule: Callable[..., object]) -> str:
    return (rule.__doc__ or "").partition("\n")[0]


class SchemeChecks:
    """The rows of the payment scheme. Every check is tried, even if others fail."""

    def __init__(self) -> None:
        """Begin without a row."""
        self.rows: list[Check] = []

    def attempt(
        self, name: str, step: Callable[[], Value], figures: Callable[[Value], str] = lambda _: ""
    ) -> Value | None:
        """Return the step's value, or ``None`` if it refuses, and add the row for it."""
        try:
            value = step()
        except Refused as refused:
            row = Check("scheme", name, Result.BROKEN, refused.message, str(refused.reason))
            self.rows.append(row)
            return None
        self.rows.append(Check("scheme", name, Result.HOLDS, figures(value)))
        return value

    def leave(self, name: str, why: str) -> None:
        """Add the row of a check that cannot be judged."""
        self.rows.append(Check("scheme", name, Result.NOT_JUDGED, why))
