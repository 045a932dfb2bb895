"""Reads the sources of the public interface for plugins, without an import of them."""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FACE, HOOKS = "facilitator.plugin", "facilitator.plugin.hookspecs"
Documented = ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign
_SECTION = re.compile(r"# --- (\w+)s: ")


@cache
def lines_of(module: str) -> list[str]:
    """Return the lines of a module's source."""
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text("utf-8").splitlines()


@cache
def tree_of(module: str) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse("\n".join(lines_of(module)))


def find(module: str, name: str) -> tuple[Documented, str | None]:
    """Return the definition of a name, wherever it is imported from, and its docstring."""
    body = tree_of(module).body
    for position, each in enumerate(body):
        match each:
            case ast.ImportFrom(module=str(deeper), names=names):
                for alias in names:
                    if (alias.asname or alias.name) == name:
                        return find(deeper, alias.name)
            case ast.ClassDef() | ast.FunctionDef() if each.name == name:
                return each, ast.get_docstring(each)
            case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
                if isinstance(each, Documented) and ast.unparse(target) == name:
                    return each, text_after(body, position)
    raise LookupError(f"{module} has no {name}")


def text_after(body: list[ast.stmt], position: int) -> str | None:
    """Return the docstring beneath an assignment, if there is one."""
    match body[position + 1 : position + 2]:
        case [ast.Expr(ast.Constant(str(text)))]:
            return inspect.cleandoc(text)
    return None


def sections() -> dict[str, list[str]]:
    """Return the names of ``__all__`` by the comment above each of its parts."""
    lines, found = lines_of(FACE), {}
    for each in tree_of(FACE).body:
        match each:
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AugAssign(target=target, value=value)
            ) if ast.unparse(target) == "__all__":
                title = lines[each.lineno - 2].removeprefix("# ").replace("``", "`")
                found[title] = list(ast.literal_eval(value))
    return found


def hooks() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield each hook with its kind, which the comment above its section names."""
    lines = lines_of(HOOKS)
    for each in tree_of(HOOKS).body:
        if isinstance(each, ast.FunctionDef):
            titles = [match for line in lines[: each.lineno] if (match := _SECTION.match(line))]
            yield titles[-1][1], each


def kinds() -> Mapping[str, str]:
    """Return the rules of each kind of hook, from the list in the module's docstring."""
    text = ast.get_docstring(tree_of(HOOKS)) or ""
    found = re.findall(r"^\* \*\*(\w+)\*\*: (.*(?:\n  .*)*)", text, re.M)
    return {kind: " ".join(rules.split()) for kind, rules in found}
