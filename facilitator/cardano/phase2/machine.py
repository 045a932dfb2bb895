"""Runs Plutus programs on the evaluator of the extra ``plutus``, which this module imports.

Where that evaluator is known to differ from the ledger's, this module corrects it or raises
:class:`CannotEvaluate`: maps keep their order and equal keys, lists that become data hold data,
and data is serialised as in the ledger.
"""

import copy
import time
from collections.abc import Callable, Mapping, Sequence

import frozendict
from uplc.ast import (
    AST,
    Apply,
    BuiltInFun,
    BuiltInFunEvalMap,
    BuiltInFunForceMap,
    BuiltinUnit,
    Compute,
    Constant,
    Context,
    Done,
    ForcedBuiltIn,
    FrameCases,
    NoFrame,
    Return,
    Step,
)
from uplc.cost_model import Budget, CekOp
from uplc.machine import Machine, budget_cost_of_op_on_model, transfer_arg_stack

from facilitator.cardano.phase2.builtins import UNSUPPORTED, select_corrected, to_uplc
from facilitator.cardano.phase2.costs import build_cost_models
from facilitator.cardano.phase2.data import Data
from facilitator.cardano.phase2.decoder import decode_program
from facilitator.cardano.phase2.outcome import Outcome
from facilitator.cardano.phase2.van_rossem import check_bounds, choose_branch, measure
from facilitator.cardano.plutus.program import VAN_ROSSEM, find_features
from facilitator.cardano.rules.evaluation import CannotEvaluate, TookTooLong
from facilitator.cardano.transaction import Language

_VERSIONS = {
    Language.PLUTUS_V1: {(1, 0, 0)},
    Language.PLUTUS_V2: {(1, 0, 0)},
    Language.PLUTUS_V3: {(1, 0, 0), (1, 1, 0)},
}
"""The versions of Plutus Core that each language has."""


class _OverBudgetError(Exception):
    """The script needs more than its budget."""


class _FailedError(Exception):
    """The script ends in an error of its own."""


def run_program(
    code: bytes,
    language: Language,
    arguments: Sequence[Data],
    costs: Sequence[int],
    budget: tuple[int, int],
    deadline: float,
    protocol_major: int,
) -> Outcome:
    """Run the program; return why it fails, if it does, and what it used.

    ``code`` is well-formed; ``costs`` is the language's cost model, ``budget`` the most memory and
    steps, ``deadline`` the ``time.thread_time()`` to stop at, ``protocol_major`` the version of the
    protocol whose semantics apply. Raises :class:`CannotEvaluate`.
    """
    if not __debug__:
        raise CannotEvaluate("the evaluator needs Python without -O")
    memory, steps = budget
    error = None
    try:
        version, term = decode_program(code)
        if version not in _VERSIONS[language]:
            raise ValueError(f"version {version} of Plutus Core")
        for argument in arguments:
            term = Apply(term, to_uplc(argument))
        models = build_cost_models(language, tuple(costs), protocol_major)
        machine = _Machine(Budget(steps, memory), *models)
        machine.deadline = deadline
        machine.corrected = select_corrected(language, protocol_major)
        machine.priced = find_features(language, min(protocol_major, VAN_ROSSEM - 1)).builtins
        machine.van_rossem = protocol_major >= VAN_ROSSEM
        result = machine.run(term)
        if language is Language.PLUTUS_V3 and not isinstance(result, BuiltinUnit):
            error = "it does not return a unit, as Plutus V3 scripts must"
    except _OverBudgetError:
        error = "it needs more than its budget"
    except _FailedError:
        error = "it ends in an error"
    except CannotEvaluate:
        raise
    except RecursionError:
        raise CannotEvaluate("a program or its data is nested too deeply") from None
    except Exception as failure:
        # Any other error of the evaluator is not the script's own failure.
        raise CannotEvaluate(f"the evaluator does not take it: {failure!r:.120}") from None
    left = machine.remaining_budget
    return Outcome(error, memory - left.memory, steps - left.cpu, tuple(machine.logs))


class _Machine(Machine):
    deadline: float
    """The ``time.thread_time()`` to stop at."""
    corrected: Mapping[BuiltInFun, Callable[..., AST]]
    """The builtin functions that replace the evaluator's own."""
    priced: frozenset[int]
    """Tags of the builtin functions whose prices are known in the program's language."""
    van_rossem: bool
    """True if programs run as from protocol version 11 on."""

    def spend_budget(self, budget: Budget) -> None:
        self.remaining_budget -= budget
        if self.remaining_budget.exhausted():
            raise _OverBudgetError
        if time.thread_time() > self.deadline:
            raise TookTooLong("they take too long")

    def run(self, term: AST) -> AST:
        """Return the term's value. Terms need no renaming first, since their names do not clash."""
        self.remaining_budget = copy.copy(self.budget)
        self.logs: list[str] = []
        startup = budget_cost_of_op_on_model(self.cek_machine_cost_model, CekOp.Startup, 0)
        self.spend_budget(startup)
        step = Compute(NoFrame(), frozendict.frozendict(), term)
        while not isinstance(step, Done):
            step = self._step(step)
        self.spend_unbudgeted_steps()
        return step.term

    def _step(self, step: Step) -> Step:
        try:
            if isinstance(step, Compute):
                return self.compute(step.term, step.ctx, step.env)
            return self.return_compute(step.context, step.value)
        except RuntimeError as error:
            if type(error) is RuntimeError:  # the evaluator raises it for a script's own errors
                raise _FailedError from None
            raise

    def return_compute(self, context: Context, value: AST) -> Step:
        if not (
            self.van_rossem and isinstance(context, FrameCases) and isinstance(value, Constant)
        ):
            return super().return_compute(context, value)
        found = choose_branch(value, context.branches)
        if found is None:
            raise _FailedError
        branch, fields = found
        return Compute(transfer_arg_stack([*fields], context.ctx), context.env, branch)

    def apply_evaluate(self, context: Context, function: AST, argument: AST) -> object:
        if not isinstance(function, ForcedBuiltIn):
            return super().apply_evaluate(context, function, argument)
        builtin = function.builtin
        if builtin in UNSUPPORTED or builtin.value not in self.priced:
            raise CannotEvaluate(f"the builtin function {builtin.name} is not evaluated here")
        evaluate = self.corrected.get(builtin) or BuiltInFunEvalMap[builtin]
        if function.applied_forces != BuiltInFunForceMap[builtin]:
            raise _FailedError
        arguments = [*function.bound_arguments, argument]
        if len(arguments) < evaluate.__code__.co_argcount:
            partial = ForcedBuiltIn(builtin, function.applied_forces, arguments)
            return Return(context, partial)
        return Return(context, self._call(builtin, evaluate, arguments))

    def _call(
        self, builtin: BuiltInFun, evaluate: Callable[..., AST], arguments: Sequence[AST]
    ) -> AST:
        if self.van_rossem:
            check_bounds(builtin, arguments)
            sizes = [measure(builtin, found) for found in arguments]
        else:
            sizes = [found.ex_mem() if isinstance(found, Constant) else 1 for found in arguments]
        model = self.builtin_cost_model
        self.spend_budget(budget_cost_of_op_on_model(model, builtin, *sizes, values=arguments))
        try:
            result = evaluate(*arguments)
        except (RecursionError, MemoryError):
            raise
        except Exception:
            raise _FailedError from None
        if builtin is BuiltInFun.Trace:
            self.logs.append(arguments[0].value)
        return result
