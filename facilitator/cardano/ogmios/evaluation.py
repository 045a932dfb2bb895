"""The result of ``evaluateTransaction``: the units that each script used, or why scripts fail."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.ogmios.fields import Malformed, Row, inner, rows, table, text, whole
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.transaction import Redeemer

_PURPOSES = {"spend": 0, "mint": 1, "publish": 2, "withdraw": 3, "vote": 4, "propose": 5}
"""Ogmios' names by the tag of a redeemer (CDDL ``redeemer_tag``)."""
_SCRIPTS_FAIL = 3010
_VERDICTS = {3012: "it ends in an error", 3161: "it needs more than a transaction may use"}
"""Ogmios' codes for faults of the script itself, not of the request to run it."""


class NoVerdict(Exception):
    """The node says nothing of the scripts; the text is the reason."""


class _Item(NamedTuple):
    tag: int
    place: int


def read_evaluation(answer: Any, transaction: bytes) -> Sequence[ScriptFailure]:
    """Return the scripts that fail, or use more than their redeemer's budget.

    ``answer`` is the whole answer, with a result or an error. Raises :class:`Malformed`, and
    :class:`NoVerdict` when the node could not run the scripts.
    """
    answer = table(answer, "an evaluation")
    if "error" in answer:
        return _failures(inner(answer, "error"))
    try:
        redeemers = decode_any_era(transaction).witnesses.redeemers
    except DecodeError as error:
        raise NoVerdict(f"the transaction cannot be decoded: {error}") from None
    return _over_budget(redeemers, rows(answer.get("result"), "an evaluation"))


def _over_budget(redeemers: Sequence[Redeemer], result: Sequence[Row]) -> Sequence[ScriptFailure]:
    """Return the scripts over their budgets, which Ogmios does not apply.

    It runs each script with all that a transaction may use.
    """
    used = {_item(row): inner(row, "budget") for row in result}
    failures = []
    for redeemer in redeemers:
        budget = used.get(_Item(redeemer.tag, redeemer.index))
        if budget is None:
            raise Malformed("an evaluation without one of the scripts")
        memory, steps = whole(budget, "memory"), whole(budget, "cpu")
        if memory > redeemer.memory or steps > redeemer.steps:
            why = (
                f"it uses {memory} memory and {steps} steps,"
                f" its budget is {redeemer.memory} and {redeemer.steps}"
            )
            failures.append(ScriptFailure(redeemer.tag, redeemer.index, why))
    return failures


def _failures(error: Mapping[str, Any]) -> Sequence[ScriptFailure]:
    if error.get("code") != _SCRIPTS_FAIL:
        raise NoVerdict(f"cannot run the scripts: {_excerpt(error)}")
    failures = []
    for row in rows(error.get("data"), "failing scripts"):
        why = inner(row, "error")
        code = why.get("code")
        if type(code) is not int or code not in _VERDICTS:
            raise NoVerdict(f"cannot run a script: {_excerpt(why)}")
        failures.append(ScriptFailure(*_item(row), _VERDICTS[code]))
    if not failures:
        raise Malformed("failing scripts are none")
    return failures


def _item(row: Row) -> _Item:
    validator = inner(row, "validator")
    tag = _PURPOSES.get(text(validator, "purpose"))
    if tag is None:
        raise Malformed("a script has an unknown purpose")
    return _Item(tag, whole(validator, "index"))


def _excerpt(error: Row) -> str:
    return " ".join(text(error, "message").split())[:200]
