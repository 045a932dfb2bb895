"""Shows which folders of a package import which, in layers; exits with 1 where there is a circle.

    python benchmarks/folder_graph.py [PACKAGE]

PACKAGE is a folder of sources, ``facilitator`` by default. A module that lies in it directly
counts as a folder. Imports inside of functions and for type checkers count too. Circles are looked
for in the folders below, too.
"""

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]

Graph = Mapping[str, Collection[str]]
"""For each folder those that it imports."""


def graph_of(package: Path) -> Graph:
    """Parse every module of the package and return what its folders import of each other."""
    above = ".".join(package.relative_to(_top(package).parent).parts)
    graph: dict[str, set[str]] = {
        path.stem: set()
        for path in package.iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem != "__init__")
    }
    for folder, imported in graph.items():
        path = package / folder
        for module in path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]:
            for name in _imports(module):
                if name.startswith(f"{above}."):
                    imported.add(name.removeprefix(f"{above}.").partition(".")[0])
        imported &= graph.keys() - {folder}
    return graph


def layers_of(graph: Graph) -> list[list[str]]:
    """Return the folders from the bottom up: each imports those of earlier layers only.

    Raises :class:`graphlib.CycleError` where there is a circle.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    layers = []
    while sorter.is_active():
        layers.append(sorted(sorter.get_ready()))
        sorter.done(*layers[-1])
    return layers


def main(package: Path) -> int:
    """Print the graph, the highest layer first, and return the exit code."""
    graph = graph_of(package)
    for inner in sorted(path.parent for path in package.rglob("__init__.py")):
        try:
            layers_of(graph_of(inner))
        except CycleError as error:
            within = "/".join(inner.relative_to(package.parent).parts)
            print(f"circle in {within}: {' -> '.join(reversed(error.args[1]))}")
            return 1
    layers = layers_of(graph)
    for number in range(len(layers), 0, -1):
        for folder in layers[number - 1]:
            print(f"{number:2} {folder} -> {', '.join(sorted(graph[folder])) or '(none)'}")
    imports = sum(map(len, graph.values()))
    print(f"{len(graph)} folders, {len(layers)} layers, {imports} imports, no circle at any depth")
    return 0


def _top(folder: Path) -> Path:
    while (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder


def _imports(path: Path) -> Iterator[str]:
    """Yield the full names that a module imports, of modules or of what they define."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        match node:
            case ast.Import(names=names):
                yield from (each.name for each in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield from (f"{module}.{each.name}" for each in names)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "facilitator"))
