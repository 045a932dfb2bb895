"""Writes ``docs/reference/plugin-api.md`` from the sources of the public interface for plugins.

    python docs/generate_reference.py [--check]

It reads ``facilitator.plugin`` with all that this names, the hook specifications, and an example of
each hook. It imports none of them, so that it needs no package. It ends with 1, and a list, where a
name, a field or a method has no docstring, or a hook no example.
"""

import ast
import re
import sys
from collections.abc import Iterator

from plugin_sources import FACE, ROOT, find, hooks, kinds, sections, text_after

PAGE = ROOT / "docs/reference/plugin-api.md"
EXAMPLES = ROOT / "docs/reference/hook_examples.py"
HOOK_SECTION = "Hooks"
GUIDES = {
    HOOK_SECTION: "hooks.md",
    "Chain providers": "chain-provider.md",
    "Storages": "storage-and-claims.md",
    "Settings and the clock": "settings.md",
    "Meters and metrics": "metrics.md",
}
"""The pages that explain a section."""

HEAD = """\
<!-- Written by docs/generate_reference.py: change the docstrings, and run it. -->
# The plugin API, name by name

Version {version} of the plugin API. Import every name from `facilitator.plugin`:
[what you may import](what-you-may-import.md). All of this page comes from the docstrings of the
code. [Hooks](hooks.md) has the rules that hold for all hooks.
"""

_ROLE = re.compile(r":(?:class|attr|meth|func|data|exc|mod):`~?([\w.]+)`")
_PAGE = re.compile(r"``docs/reference/([\w-]+)\.md``")
_ENTRY = re.compile(r"^    (\w+): ")
_FORWARD = re.compile(r"'([A-Z]\w+)'")
"""A type in quotes, since its class is not there yet."""

gaps: list[str] = []
"""The parts that the sources lack."""


# --- Markdown ------------------------------------------------------------------------------------


def anchor(heading: str) -> str:
    """Return the anchor of a heading as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def link(name: str) -> str:
    """Return the name as code, with a link if this page describes it."""
    is_here = any(name in names for names in sections().values())
    return f"[`{name}`](#{anchor(name)})" if is_here else f"`{name}`"


def markdown(text: str | None, what: str, indent: str = "") -> str:
    """Return a docstring as Markdown. One that is missing is a gap."""
    if text is None:
        gaps.append(f"the docstring of {what}")
        return ""
    text = _PAGE.sub(r"[`\1.md`](\1.md)", text)
    text = _ROLE.sub(lambda role: link(shortened(role[1])), text)
    lines = text.replace("``", "`").splitlines()
    for position, line in enumerate(lines):
        if line in ("Args:", "Raises:"):
            lines[position] = {"Args:": "Arguments:\n", "Raises:": "Raises:\n"}[line]
        lines[position] = _ENTRY.sub(r"- `\1`: ", lines[position]).replace("        ", "  ")
    return f"\n{indent}".join(lines).replace(f"\n{indent}\n", "\n\n")


def shortened(path: str) -> str:
    """Return ``Claim.nonce`` for the whole path of it, and a name alone for other paths."""
    parts = path.split(".")
    return ".".join(parts[-2:]) if len(parts) > 1 and parts[-2][:1].isupper() else parts[-1]


def signature(function: ast.FunctionDef) -> str:
    """Return the call with its types, without ``self``."""
    arguments = ast.unparse(function.args).removeprefix("self").removeprefix(", ")
    arguments = arguments.removeprefix("/, ")
    returns = ast.unparse(function.returns) if function.returns else "None"
    return _FORWARD.sub(r"\1", f"{function.name}({arguments}) -> {returns}")


# --- Names ---------------------------------------------------------------------------------------


def kind_of(node: ast.ClassDef) -> str:
    """Return what kind of class it is."""
    bases = [ast.unparse(base) for base in node.bases]
    decorators = [ast.unparse(each) for each in node.decorator_list]
    if "Protocol" in bases:
        return "Optional protocol" if "runtime_checkable" in decorators else "Protocol"
    if "StrEnum" in bases:
        return "Enumeration of texts"
    if "NamedTuple" in bases:
        return "Named tuple"
    if "immutable" in decorators:
        return "Immutable dataclass"
    if any(each.startswith("dataclass") for each in decorators):
        return "Frozen dataclass" if "frozen=True" in " ".join(decorators) else "Dataclass"
    return "Class" if not bases else "Exception"


def described_class(node: ast.ClassDef, text: str | None) -> Iterator[str]:
    """Yield the parts of a class: kind, docstring, and each public member."""
    plain = ("Protocol", "StrEnum", "NamedTuple", "Exception")
    bases = [link(name) for base in node.bases if (name := ast.unparse(base)) not in plain]
    yield f"*{kind_of(node)}*{', a kind of ' if bases else ''}{' and '.join(bases)}."
    yield markdown(text, node.name)
    members = [*of_constructor(node), *of_body(node)]
    if members:
        yield "\n".join(members)


def of_constructor(node: ast.ClassDef) -> Iterator[str]:
    """Yield the constructor, and the attributes that it documents."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            call = signature(each).removeprefix("__init__").removesuffix(" -> None")
            yield member(f"{node.name}{call}", ast.get_docstring(each))
            for position, line in enumerate(each.body):
                match line:
                    case ast.Assign(targets=[ast.Attribute(attr=name)]):
                        annotation = ""
                    case ast.AnnAssign(target=ast.Attribute(attr=name)):
                        annotation = f": {ast.unparse(line.annotation)}"
                    case _:
                        continue
                if not name.startswith("_") and (text := text_after(each.body, position)):
                    yield member(f"{name}{annotation if '_' not in annotation else ''}", text)


def of_body(node: ast.ClassDef) -> Iterator[str]:
    """Yield the fields, properties and methods of a class, and the members of an enumeration."""
    for position, each in enumerate(node.body):
        text = text_after(node.body, position)
        match each:
            case ast.AnnAssign(target=ast.Name(id=name), value=value):
                default, text = default_of(value, text)
                yield member(f"{name}: {ast.unparse(each.annotation)}{default}", text)
            case ast.Assign(targets=[ast.Name(id=name)]):
                # A reason is known by its value; the page of reasons says what each means.
                yield member(f"{node.name}.{name}", text or f"``{constant(each.value)}``")
            case ast.FunctionDef(name=name) if not name.startswith("_"):
                is_property = any(ast.unparse(mark) == "property" for mark in each.decorator_list)
                call = signature(each)
                if is_property:
                    call = call.replace("() -> ", ": ")
                yield member(call, ast.get_docstring(each))


def constant(value: ast.expr) -> str:
    """Return the text of an enumeration's member, which may begin with a constant's."""
    match value:
        case ast.Constant(str(text)):
            return text
        case ast.BinOp(left=left, right=right):
            return constant(left) + constant(right)
        case ast.Name(id=name):
            node, _ = find("facilitator.x402.reasons", name)
            return constant(node.value) if isinstance(node, ast.Assign) else name
    raise LookupError(ast.unparse(value))


def default_of(value: ast.expr | None, text: str | None) -> tuple[str, str | None]:
    """Return a field's default, and its docstring, which a setting has as an argument."""
    match value:
        case None:
            return "", text
        case ast.Call(func=ast.Name(id="setting"), args=[default, help_text]):
            return f" = {ast.unparse(default)}", text or str(ast.literal_eval(help_text))
        case ast.Call(func=ast.Name(id="field"), keywords=keywords):
            for each in keywords:
                if each.arg == "default":
                    return f" = {ast.unparse(each.value)}", text
                if each.arg == "default_factory":
                    made = ast.unparse(each.value)
                    return f" = {'{}' if made == 'dict' else f'{made}()'}", text
            return "", text
    shown = ast.unparse(value)
    return f" = {'…' if shown.startswith('_') else shown}", text


def member(call: str, text: str | None) -> str:
    """Return one member as an entry of a list."""
    return f"- `{call}`\n  {markdown(text, call, '  ')}"


def described(name: str) -> Iterator[str]:
    """Yield the parts that describe a name of the public interface."""
    yield f"### {name}"
    node, text = find(FACE, name)
    match node:
        case ast.ClassDef():
            yield from described_class(node, text)
        case ast.FunctionDef():
            yield f"*Function*{of_types(node)}\n```text\n{signature(node)}\n```"
            yield markdown(text, name)
        case ast.AnnAssign(value=ast.expr() as value):
            yield f"*Type* `{ast.unparse(value)}`."
            yield markdown(text or "", name)
        case ast.Assign(value=ast.Call(func=ast.Name(id=kind), args=[own, about, *rest])):
            labels = [each for each in rest if isinstance(each, ast.Tuple)]
            yield f"*Metric*, a {link(kind)}: `{ast.literal_eval(own)}`."
            shown = ", ".join(f"`{label}`" for label in ast.literal_eval(labels[-1]))
            yield f"{ast.literal_eval(about)} Labels: {shown}."
        case _:
            yield "*Constant*."
            yield markdown(text, name)


def of_types(function: ast.FunctionDef) -> str:
    """Return links to the types of a signature that this page describes."""
    named = dict.fromkeys(re.findall(r"\b[A-Z]\w+", signature(function)))
    linked = [shown for name in named if (shown := link(name)).startswith("[")]
    return f", with {', '.join(linked)}" if linked else ""


def described_hook(kind: str, hook: ast.FunctionDef) -> Iterator[str]:
    """Yield the parts that describe a hook: call, docstring, rules of its kind, and an example."""
    names = ", ".join(each.arg for each in hook.args.args)
    yield f"### {hook.name}({names})"
    yield f"*{kind}*{of_types(hook)}\n```text\n{signature(hook)}\n```"
    yield markdown(ast.get_docstring(hook), hook.name)
    yield f"{kind}: {rules()[kind]}"
    yield (f"<!-- quote: {EXAMPLES.relative_to(ROOT)} -->\n```python\n{example_of(hook.name)}\n```")


def rules() -> dict[str, str]:
    """Return the rules of each kind of hook as Markdown."""
    return {kind: rule.replace("``", "`") for kind, rule in kinds().items()}


def example_of(hook: str) -> str:
    """Return the source of the example of a hook."""
    lines = EXAMPLES.read_text("utf-8").splitlines()
    for each in ast.parse("\n".join(lines)).body:
        if isinstance(each, ast.FunctionDef) and each.name == hook:
            return "\n".join(lines[each.lineno - 2 : each.end_lineno])
    gaps.append(f"an example of {hook} in {EXAMPLES.relative_to(ROOT)}")
    return ""


def page() -> str:
    """Return the whole page."""
    version, _ = find(FACE, "API_VERSION")
    assert isinstance(version, ast.Assign)  # noqa: S101 -- for the type checker
    parts = [HEAD.format(version=ast.literal_eval(version.value))]
    named = {HOOK_SECTION: [signature_of(hook) for _, hook in hooks()], **sections()}
    rows = [f"| [{title}](#{anchor(title)}) | {links(names)} |" for title, names in named.items()]
    parts.append("\n".join(["| section | names |", "|---|---|", *rows]))
    for title, names in named.items():
        parts.append(f"## {title}")
        if title in GUIDES:
            parts.append(f"[{GUIDES[title]}]({GUIDES[title]}) says what the code does not.")
        if title == HOOK_SECTION:
            parts.append("### Kinds of hooks\n\nTo fail is to raise, to exit, or to take too long.")
            parts.append("\n".join(f"- **{kind}**: {rule}" for kind, rule in rules().items()))
            parts += [part for kind, hook in hooks() for part in described_hook(kind, hook)]
        else:
            parts += [part for name in names for part in described(name)]
    return "\n\n".join(filter(None, (part.strip("\n") for part in parts))) + "\n"


def links(headings: list[str]) -> str:
    """Return links to headings, each by the name that it begins with."""
    return ", ".join(f"[`{each.partition('(')[0]}`](#{anchor(each)})" for each in headings)


def signature_of(hook: ast.FunctionDef) -> str:
    """Return the heading of a hook."""
    return f"{hook.name}({', '.join(each.arg for each in hook.args.args)})"


def main() -> int:
    """Write the page, or compare it with ``--check``; return the exit code."""
    text = page()
    for gap in gaps:
        print(f"missing: {gap}")
    if gaps:
        return 1
    if "--check" not in sys.argv:
        PAGE.write_text(text, "utf-8")
    elif PAGE.read_text("utf-8") != text:
        print(f"{PAGE.name} is not what the code says: run python docs/generate_reference.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
