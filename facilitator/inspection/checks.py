"""Rows of the report: what one rule says."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from facilitator.exact.refused import Refused

Value = TypeVar("Value")

_PREDICATE = re.compile(r"``([A-Z][A-Za-z]{7,})``")


class Result(StrEnum):
    """What came of a check."""

    HOLDS = "pass"
    BROKEN = "fail"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True)
class Check:
    """What one rule says of a payment or a transaction."""

    scope: str
    """``scheme`` for the payment scheme's rules, ``ledger`` for the ledger's."""
    name: str
    result: Result
    detail: str = ""
    """The figures behind the result, or why there is none."""
    rule: str | None = None
    """The ledger's predicate failure, or the reason of the scheme's refusal."""
    about: str | None = None
    """What a rule of the ledger demands."""

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


def overall(checks: list[Check]) -> Result:
    """Failed if any check has, else not judged if any was not."""
    results = {check.result for check in checks}
    for result in (Result.BROKEN, Result.NOT_JUDGED):
        if result in results:
            return result
    return Result.HOLDS


def predicate_of(rule: Callable[..., object]) -> str | None:
    """The ledger's predicate failure as the rule's documentation names it, if it names one."""
    match = _PREDICATE.search(_first_line(rule))
    return match[1] if match else None


def about(rule: Callable[..., object]) -> str:
    """What the rule demands, and the source that its documentation cites."""
    return _first_line(rule).replace("``", "").removesuffix(".")


def _first_line(rule: Callable[..., object]) -> str:
    return (rule.__doc__ or "").partition("\n")[0]


class SchemeChecks:
    """The payment scheme's rules, tried one after another whatever the others say."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rows: list[Check] = []

    def attempt(
        self, name: str, step: Callable[[], Value], figures: Callable[[Value], str] = lambda _: ""
    ) -> Value | None:
        """What the step returns, or ``None`` when it refuses; the row says which."""
        try:
            value = step()
        except Refused as refused:
            row = Check("scheme", name, Result.BROKEN, refused.message, str(refused.reason))
            self.rows.append(row)
            return None
        self.rows.append(Check("scheme", name, Result.HOLDS, figures(value)))
        return value

    def leave(self, name: str, why: str) -> None:
        """A rule that cannot be judged."""
        self.rows.append(Check("scheme", name, Result.NOT_JUDGED, why))
