"""``facilitator.plugin`` has what plugins need, each name once."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import facilitator
from facilitator import plugin, roles
from facilitator.plugin import hookspecs

EXAMPLES = Path(__file__).parents[2] / "examples"
FOR_PLUGINS = ("facilitator.plugin", "facilitator.cardano", "facilitator.x402.networks")
NOT_FOR_PLUGINS = {"NoMeter", "UNKNOWN_ANSWER", "evaluator_of", "spending"}
NOT_FOR_PLUGINS |= {"AlreadyOnChain", "MayHaveLanded", "lookup_failed"}  # the core's own refusals
NOT_FOR_PLUGINS |= {"WalletChain", "FundedChain"}  # for the core's own payers and sellers
NOT_FOR_PLUGINS |= {"FIRST_PAUSE_SECONDS", "LONGEST_PAUSE_SECONDS", "SILENT_SECONDS"}


def sections() -> list[list[str]]:
    """The parts that ``__all__`` is put together from, in order."""
    module = ast.parse(inspect.getsource(plugin))
    return [
        ast.literal_eval(each.value)
        for each in module.body
        if isinstance(each, ast.Assign | ast.AugAssign) and "__all__" in ast.unparse(each)
    ]


def test_every_name_is_there_once() -> None:
    assert [name for names in sections() for name in names] == plugin.__all__
    assert len(set(plugin.__all__)) == len(plugin.__all__)
    assert all(hasattr(plugin, name) for name in plugin.__all__)
    assert plugin.hookimpl is facilitator.hookimpl


def test_every_type_of_a_hook_is_there() -> None:
    tree = ast.parse(inspect.getsource(hookspecs))
    imported = {
        alias.name
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("facilitator.")
        for alias in each.names
    }
    assert imported
    assert imported <= set(plugin.__all__)


def role_names() -> Iterator[str]:
    for module in pkgutil.iter_modules(roles.__path__):
        role = importlib.import_module(f"{roles.__name__}.{module.name}")
        for each in ast.parse(inspect.getsource(role)).body:
            match each:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    yield name
                case ast.Assign(targets=[ast.Name(id=name)]):
                    yield name
                case ast.AnnAssign(target=ast.Name(id=name)):
                    yield name


def test_every_part_of_a_role_is_there() -> None:
    public = {name for name in role_names() if not name.startswith("_")}
    assert {"Storage", "OutputStatus", "NO_METER", "decide"} <= public
    assert public - NOT_FOR_PLUGINS <= set(plugin.__all__)


def example_plugins() -> list[Path]:
    """Their modules, without those of their tests."""
    found = sorted(EXAMPLES.glob("facilitator-plugin-*/**/*.py"))
    return [path for path in found if path.parent.name != "tests"]


@pytest.mark.parametrize(
    "path", example_plugins(), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_example_plugins_import_nothing_else(path: Path) -> None:
    for each in ast.walk(ast.parse(path.read_text())):
        modules = [alias.name for alias in each.names] if isinstance(each, ast.Import) else []
        if isinstance(each, ast.ImportFrom):
            modules = [each.module or ""]
        for module in modules:
            is_core = module.partition(".")[0] == "facilitator"
            assert not is_core or module.startswith(FOR_PLUGINS), module


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="needs a checkout: no examples/ here")
def test_there_are_example_plugins() -> None:
    assert len({path.relative_to(EXAMPLES).parts[0] for path in example_plugins()}) == 4
