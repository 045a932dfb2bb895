"""``facilitator.plugin`` has what plugins need, each name once."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import facilitator
from facilitator import plugin, roles
from facilitator.plugin import hookspecs

NOT_FOR_PLUGINS = {"NoMeter", "UNKNOWN_ANSWER"}


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
