"""Each check is needed: without it, what it refuses is accepted, or refused for another reason.

That is so at least where the ledger would accept everything, as the validator here does.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

from facilitator.cardano.transaction import Transaction
from facilitator.plugin import Refused, SchemeChain, Settings, Unspent
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_channels import ledger as ledger_module
from facilitator_channels import sponsored
from facilitator_channels.scheme import ChannelScheme
from support.channel_cases import CASES, Case
from support.channel_ledger import Ledger
from support.channels import VALIDATORS, judge

PACKAGE = "facilitator_channels"
MODULES = (
    *("binding", "claim", "extra", "opening", "payment", "refund", "scheme", "shape"),
    *("sponsored", "top_up", "verdicts", "vouchers"),
)


class Bug(NamedTuple):
    """A check that is left out."""

    module: str
    function: str
    lines: range
    """The lines of the check."""
    code: CodeType
    """The function's without it."""
    text: str

    def __str__(self) -> str:
        return f"{self.module}.{self.function}: {self.text}"


class _Parts(ast.NodeTransformer):
    """Finds the parts of a function that check something; leaves out the one of that number."""

    def __init__(self, leave_out: int) -> None:
        self._leave_out = leave_out
        self.found: list[ast.AST] = []

    def _is_left_out(self, node: ast.AST) -> bool:
        self.found.append(node)
        return len(self.found) - 1 == self._leave_out

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        refuses = any(isinstance(each, ast.Raise) for each in ast.walk(node))
        if refuses and not node.orelse and self._is_left_out(node):
            return ast.Pass()
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            checks = call.func.id.startswith(("check_", "_check_", "judge", "require_"))
            if checks and self._is_left_out(node):
                return ast.Pass()
        return node

    def visit_For(self, node: ast.For) -> Any:
        if isinstance(node.iter, ast.Tuple):  # a table of checks
            rows = [row for row in node.iter.elts if not self._is_left_out(row)]
            node.iter.elts = rows
            return node
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> Any:
        table = node.value
        if isinstance(table, ast.Dict):
            kept = [
                (key, value)
                for key, value in zip(table.keys, table.values, strict=True)
                if not self._is_left_out(value)
            ]
            table.keys, table.values = [key for key, _ in kept], [value for _, value in kept]
        return node


def bugs_of(module: str) -> Iterator[Bug]:
    source = inspect.getsource(importlib.import_module(f"{PACKAGE}.{module}"))
    for place in range(len(_functions(ast.parse(source)))):
        number = 0
        while True:
            tree = ast.parse(source)
            function = _functions(tree)[place]
            has_checks = function.name.startswith(
                ("check", "_check", "read_made", "read", "_judge")
            )
            has_checks |= function.name in (
                "make_payment",
                "prepare",
                "_find_channel",
                "_list_steps",
                "_hash",
                "agree_sponsor",
                "require_sponsor",
                "unsigned_inputs",
            )
            parts = _Parts(number)
            parts.visit(function)
            if number >= len(parts.found) or not has_checks:
                break
            node: Any = parts.found[number]
            text = ast.unparse(node).splitlines()[0][:90]
            code = _code(compile(ast.fix_missing_locations(tree), module, "exec"), function.name)
            yield Bug(module, function.name, range(node.lineno, node.end_lineno + 1), code, text)
            number += 1


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _code(compiled: CodeType, name: str) -> CodeType:
    for constant in compiled.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_name == name:
                return constant
            found = _code(constant, name) if constant.co_name == "ChannelScheme" else None
            if found is not None:
                return found
    return None  # type: ignore[return-value]


def function_of(bug: Bug) -> FunctionType:
    module = importlib.import_module(f"{PACKAGE}.{bug.module}")
    owner: Any = module if hasattr(module, bug.function) else ChannelScheme
    found = getattr(owner, bug.function)
    assert isinstance(found, FunctionType)
    return found


class Outcome(NamedTuple):
    """What became of a request."""

    kind: str
    """Accepted, or the error with its reason."""
    places: frozenset[tuple[str, str, int]] = frozenset()
    """Module, function and line of each frame that was refused in."""

    def passes(self, bug: Bug) -> bool:
        return any(place[:2] == (bug.module, bug.function) for place in self.places)

    def is_of(self, bug: Bug) -> bool:
        return any(place[:2] == bug[:2] and place[2] in bug.lines for place in self.places)


def outcome(settings: Settings, case: Case) -> Outcome:
    ledger = Ledger()
    body = case.make(ledger)
    scheme = ChannelScheme(settings, ManualClock(NOW), {NETWORK: ledger.chain}, VALIDATORS)
    try:
        judge(scheme, body, settles=case.settles)
    except Refused as refused:
        return Outcome(f"{type(refused).__name__} {refused.reason}", _places(refused))
    except Exception as error:
        return Outcome(type(error).__name__, _places(error))
    return Outcome("accepted")


def _places(error: BaseException) -> frozenset[tuple[str, str, int]]:
    places = set()
    cause: BaseException | None = error
    while cause is not None:
        trace, cause = cause.__traceback__, cause.__context__
        while trace is not None:
            module = trace.tb_frame.f_globals.get("__name__", "").removeprefix(f"{PACKAGE}.")
            places.add((module, trace.tb_frame.f_code.co_name, trace.tb_lineno))
            trace = trace.tb_next
    return frozenset(places)


def accept(tx: Transaction, terms: Any, chain: SchemeChain, now: float, **_: Any) -> Any:  # noqa: ARG001
    """Judge as a ledger that accepts everything it can look up."""
    found = chain.outputs([*tx.body.inputs, *tx.body.collateral])
    return {ref: each.output for ref, each in found.items() if isinstance(each, Unspent)}


@pytest.fixture(scope="module")
def before(loaded: Settings) -> dict[bool, dict[Case, Outcome]]:
    """The outcomes with every check in its place, by whether the ledger accepts everything."""
    found = {False: {case: outcome(loaded, case) for case in CASES}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger_module, "judge_transaction", accept)
        found[True] = {case: outcome(loaded, case) for case in CASES}
    return found


@pytest.mark.parametrize("bug", [bug for module in MODULES for bug in bugs_of(module)], ids=str)
def test_a_check_that_is_left_out_is_found(
    bug: Bug,
    loaded: Settings,
    before: dict[bool, dict[Case, Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(function_of(bug), "__code__", bug.code)
    for is_lenient, outcomes in before.items():
        if is_lenient:
            monkeypatch.setattr(ledger_module, "judge_transaction", accept)
        passing = {case: each for case, each in outcomes.items() if each.passes(bug)}
        there = {case: each for case, each in passing.items() if each.is_of(bug)}
        for case, each in (there or passing).items():
            if outcome(loaded, case).kind != each.kind:
                return
    raise AssertionError("no case shows that the check is needed")


@pytest.mark.parametrize("rule", ["S3", "S5", "S7", "S9"])
def test_a_sponsors_rule_that_is_left_out_is_found(
    rule: str,
    loaded: Settings,
    before: dict[bool, dict[Case, Outcome]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The ledger does not keep a sponsor's ada; S6 is a channel's own check, and S1 its match."""
    kept = [name for name in sponsored._OPENING if name != rule]
    monkeypatch.setattr(sponsored, "_OPENING", kept)
    cases = [case for case in CASES if case.reason == "fee_sponsor_refused"]
    assert any(outcome(loaded, case).kind != before[False][case].kind for case in cases)
