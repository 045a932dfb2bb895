"""The messages between the facilitator and a process that runs scripts.

Both ends are this program, so they are pickled.
"""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from facilitator.cardano.rules.evaluation import CannotEvaluate, ScriptFailure, ScriptRun
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.slots import EraSummary


class Question(NamedTuple):
    """Everything that the verdict of scripts depends on."""

    resolved: ResolvedTransaction
    runs: Sequence[ScriptRun]
    eras: EraSummary


class Answer(NamedTuple):
    """The verdict of scripts, and its cost."""

    verdict: Sequence[ScriptFailure] | str
    """The failures, or the reason why there is no verdict, as part of a sentence."""
    cpu_seconds: float
    is_too_long: bool = False
    """True if the scripts were stopped when their time was over."""
    is_fault: bool = False
    """True if the evaluator failed, or its process ended: that is not the scripts' doing alone."""


def encode_question(question: Question) -> bytes:
    """Return the question as bytes, the same for the same question at another time.

    Raises :class:`CannotEvaluate`.
    """
    env = replace(question.resolved.env, slot=0)  # a script does not see the current slot
    try:
        return pickle.dumps(question._replace(resolved=replace(question.resolved, env=env)))
    except RecursionError:
        raise CannotEvaluate("data in the transaction is nested too deeply") from None
