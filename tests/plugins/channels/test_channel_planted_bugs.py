"""Each check is needed: without it, a request that it refuses is accepted, or for another reason."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

from facilitator.plugin import Refused, Settings
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_channels.scheme import ChannelScheme
from support.channel_cases import CASES, Case
from support.channels import VALIDATOR, Ledger, judge

PACKAGE = "facilitator_channels"
MODULES = (
    *("binding", "claim", "extra", "opening", "payment", "refund", "scheme", "shape"),
    *("top_up", "verdicts", "vouchers"),
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
            checks = call.func.id.startswith(("check_", "_check_", "judge"))
            if checks and self._is_left_out(node):
                return ast.Pass()
        return node

    def visit_For(self, node: ast.For) -> Any:
        if isinstance(node.iter, ast.Tuple):  # a table of checks
            rows = [row for row in node.iter.elts if not self._is_left_out(row)]
            node.iter.elts = rows
            return node
        return self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> Any:
        kept = [
            (key, value)
            for key, value in zip(node.keys, node.values, strict=True)
            if not self._is_left_out(value)
        ]
        node.keys, node.values = [key for key, _ in kept], [value for _, value in kept]
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
    reason: str
    places: frozenset[tuple[str, str, int]]
    """Module, function and line of each frame that was refused in."""


def outcome(settings: Settings, case: Case) -> Outcome:
    ledger = Ledger()
    body = case.make(ledger)
    chains, validators = {NETWORK: ledger.chain}, {VALIDATOR.script_hash: VALIDATOR}
    scheme = ChannelScheme(settings, ManualClock(NOW), chains, validators)
    try:
        judge(scheme, body, settles=case.settles)
    except Refused as refused:
        return Outcome(str(refused.reason), _places(refused))
    except Exception as error:
        return Outcome(type(error).__name__, _places(error))
    return Outcome("accepted", frozenset())


def _places(error: BaseException) -> frozenset[tuple[str, str, int]]:
    places = set()
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "").removeprefix(f"{PACKAGE}.")
        places.add((module, trace.tb_frame.f_code.co_name, trace.tb_lineno))
        trace = trace.tb_next
    return frozenset(places)


@pytest.fixture(scope="module")
def outcomes(loaded: Settings) -> dict[Case, Outcome]:
    return {case: outcome(loaded, case) for case in CASES}


@pytest.mark.parametrize("bug", [bug for module in MODULES for bug in bugs_of(module)], ids=str)
def test_a_check_that_is_left_out_is_found(
    bug: Bug, loaded: Settings, outcomes: dict[Case, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function_of(bug), "__code__", bug.code)
    refused_there = [
        case
        for case, before in outcomes.items()
        if any(place[:2] == (bug.module, bug.function) for place in before.places)
    ]
    in_lines = [
        case
        for case in refused_there
        if any(
            p[:2] == (bug.module, bug.function) and p[2] in bug.lines for p in outcomes[case].places
        )
    ]
    for case in in_lines or refused_there:
        if outcome(loaded, case).reason != case.full_reason:
            return
    raise AssertionError(
        f"{len(in_lines)} cases are refused there, and none shows that it is needed"
    )
