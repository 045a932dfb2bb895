"""Running small Plutus Core programs on the evaluator of the extra ``plutus``."""

from collections.abc import Sequence
from time import thread_time
from typing import Any

import pytest

from facilitator.cardano.transaction import Language

V3 = Language.PLUTUS_V3
NAMES = 297
"""How many costs a Plutus V3 cost model has that names all that the evaluator runs."""
UNIT: Any = ("con", (3,), "")
ERROR: Any = ("error",)
IF_THEN_ELSE = 26


def call(builtin: int, *arguments: Any, forces: int = 0) -> Any:
    term: Any = ("builtin", builtin)
    for _ in range(forces):
        term = ("force", term)
    for argument in arguments:
        term = ("apply", term, argument)
    return term


def demands(condition: Any) -> Any:
    """A V3 script that fails unless the term comes to true."""
    chosen = call(IF_THEN_ELSE, condition, ("delay", UNIT), ("delay", ERROR), forces=1)
    return ("lam", ("force", chosen))


def run(code: bytes, *details: Any, **more: Any) -> str | None:
    """Why the program fails; ``None`` if it succeeds."""
    said: str | None = outcome(code, *details, **more).error
    return said


def outcome(
    code: bytes,
    costs: Sequence[int] = (0,) * NAMES,
    budget: tuple[int, int] = (0, 0),
    *,
    seconds: float = 60,
    language: Language = V3,
    protocol: int = 10,
) -> Any:
    machine = pytest.importorskip(
        "facilitator.cardano.phase2.machine",
        reason="the extra [plutus] is not installed",
        exc_type=ModuleNotFoundError,
    )
    return machine.run_program(
        code, language, [0], costs, budget, thread_time() + seconds, protocol
    )
