"""Evaluates Plutus scripts in this process, with the extra ``plutus``."""

import sys
import time
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, Protocol, cast

from facilitator.cardano.phase2.context_v1v2 import build_context_v1, build_context_v2
from facilitator.cardano.phase2.context_v3 import build_context_v3
from facilitator.cardano.phase2.data import Data, decode_data
from facilitator.cardano.phase2.outcome import Outcome
from facilitator.cardano.rules.evaluation import CannotEvaluate, ScriptFailure, ScriptRun
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.transaction import Language

MOST_SECONDS = 5.0
"""The most CPU seconds that all scripts of a transaction may take, unless said otherwise."""

NOT_INSTALLED = "the extra x402-cardano-facilitator[plutus] is not installed"

FORECAST_SLOTS = 25_920
"""Slots ahead whose times are certain (``3k/f``) on every public network."""


class _RunProgram(Protocol):
    def __call__(
        self,
        code: bytes,
        language: Language,
        arguments: Sequence[Data],
        costs: Sequence[int],
        budget: tuple[int, int],
        deadline: float,
        protocol_major: int,
    ) -> Outcome: ...


class ScriptOutcome(NamedTuple):
    """The outcome of a script, identified by its redeemer."""

    tag: int
    """The script's purpose (CDDL ``redeemer_tag``)."""
    item: int
    """Index of its item among those of the same kind, in the ledger's order."""
    outcome: Outcome


class InProcessEvaluator:
    """An :data:`~facilitator.cardano.rules.evaluation.Evaluator` without any I/O."""

    def __init__(self, eras: EraSummary) -> None:
        """Convert slots to the times in script contexts by ``eras``."""
        self._eras = eras

    def __call__(
        self, resolved: ResolvedTransaction, runs: Sequence[ScriptRun]
    ) -> Sequence[ScriptFailure]:
        """Run each script within its budget and return the failures.

        Raises :class:`CannotEvaluate`, also if the extra is not installed.
        """
        check_forecast(resolved)
        return run_scripts(resolved, runs, self._eras)


def run_scripts(
    resolved: ResolvedTransaction,
    runs: Sequence[ScriptRun],
    eras: EraSummary,
    *,
    most_seconds: float = MOST_SECONDS,
) -> Sequence[ScriptFailure]:
    """Run each script within its budget, all in ``most_seconds`` of CPU; return the failures.

    As :func:`measure_scripts`, which says what it raises.
    """
    return [
        ScriptFailure(found.tag, found.item, found.outcome.error)
        for found in measure_scripts(resolved, runs, eras, most_seconds=most_seconds)
        if found.outcome.error is not None
    ]


def measure_scripts(
    resolved: ResolvedTransaction,
    runs: Sequence[ScriptRun],
    eras: EraSummary,
    *,
    most_seconds: float = MOST_SECONDS,
) -> Sequence[ScriptOutcome]:
    """Run each script within its budget, all in ``most_seconds`` of CPU; return the outcomes.

    The time of the thread counts, so that a busy machine changes no verdict. The verdict does not
    depend on the current slot. Raises :class:`CannotEvaluate`, as :class:`TookTooLong` if the time
    is over.
    """
    run_program = load_machine()
    deadline = time.thread_time() + most_seconds
    parameters = resolved.env.parameters
    found = []
    for run in runs:
        language = run.script.language
        outcome = run_program(
            run.script.body,
            language,
            _build_arguments(resolved, run, eras),
            parameters.cost_models[language - 1],
            (run.redeemer.memory, run.redeemer.steps),
            deadline,
            parameters.protocol_major,
        )
        found.append(ScriptOutcome(run.purpose.tag, run.purpose.item, outcome))
    return found


def _build_arguments(resolved: ResolvedTransaction, run: ScriptRun, eras: EraSummary) -> list[Data]:
    try:
        if run.script.language is Language.PLUTUS_V3:
            return [build_context_v3(resolved, eras, run)]
        version_1 = run.script.language is Language.PLUTUS_V1
        context = (build_context_v1 if version_1 else build_context_v2)(
            resolved, eras, run.purpose.tag, run.purpose.item
        )
        datum = [] if run.datum is None else [decode_data(run.datum)]
        return [*datum, decode_data(run.redeemer.data), context]
    except RecursionError:
        raise CannotEvaluate("data in the transaction is nested too deeply") from None


def check_forecast(resolved: ResolvedTransaction) -> None:
    """Raise :class:`CannotEvaluate` for a slot whose time is not certain here.

    The ledger refuses such slots (``TimeTranslationPastHorizon``), but may know more times.
    """
    body = resolved.tx.body
    latest = max(body.invalid_before or 0, body.invalid_hereafter or 0)
    if latest > resolved.env.slot + FORECAST_SLOTS:
        raise CannotEvaluate(
            f"its validity interval names slot {latest}, more than {FORECAST_SLOTS} slots from now"
        )


def load_machine() -> _RunProgram:
    """Return the evaluator's function. The first call imports it, which takes seconds.

    Raises :class:`CannotEvaluate` if the extra is not installed.
    """
    digits = sys.get_int_max_str_digits()
    try:
        machine = import_module("facilitator.cardano.phase2.machine")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "uplc":
            raise
        raise CannotEvaluate(NOT_INSTALLED) from None
    finally:
        sys.set_int_max_str_digits(digits)  # the evaluator raises this guard for the whole process
    return cast(_RunProgram, machine.run_program)
