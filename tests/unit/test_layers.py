"""The directions of imports: every contract of import-linter is broken by one planted import."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "pyproject.toml"
FOLDER_GRAPH = ROOT / "benchmarks/folder_graph.py"

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not FOLDER_GRAPH.exists(), reason="needs a checkout: no benchmarks/ here"),
]

CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads(CONFIG.read_text())["tool"]["importlinter"]["contracts"]
}

PLANTED = {
    "layers": ("facilitator/inspection/__init__.py", "import facilitator.settlement"),
    "core-without-plugins": ("facilitator/cli/__init__.py", "import facilitator_sqlite"),
    "plugins-apart": ("plugins/facilitator_memory/__init__.py", "import facilitator_devnet"),
    "pure": ("facilitator/x402/networks.py", "import socket"),
    "waitress-in-one-place": ("facilitator/runtime/signer.py", "import waitress"),
    "server-face": ("facilitator/runtime/signer.py", "import facilitator.server.listener"),
    "public-face": ("plugins/facilitator_memory/__init__.py", "import facilitator.settings"),
}
"""For each contract a module, and the import that the contract forbids there."""


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of the sources, to be changed."""
    for name in ("facilitator", "plugins"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CONFIG, tmp_path)
    return tmp_path


def broken(sources: Path) -> set[str]:
    """Have import-linter check the sources; the ids of the contracts that do not hold there."""
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"
    done = subprocess.run(
        [program, "--no-cache", "--config", sources / CONFIG.name],
        cwd=sources, env={**os.environ, "PYTHONPATH": f"{sources}:{sources / 'plugins'}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    verdicts = dict(re.findall(r"^(.*) (KEPT|BROKEN)(?: \(.*\))?$", done.stdout, re.M))
    assert verdicts.keys() == set(CONTRACTS.values()), done.stdout + done.stderr
    found = {each for each, name in CONTRACTS.items() if verdicts[name] == "BROKEN"}
    assert done.returncode == bool(found)
    return found


def plant(path: Path, line: str) -> None:
    """Append a line to a module."""
    with path.open("a") as file:
        file.write(f"\n{line}\n")


def test_the_sources_keep_every_contract(sources: Path) -> None:
    assert broken(sources) == set()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_planted_import_breaks_its_contract_only(sources: Path, contract: str) -> None:
    module, line = PLANTED[contract]
    plant(sources / module, line)
    assert broken(sources) == {contract}


def test_a_new_folder_must_be_given_a_layer(sources: Path) -> None:
    (sources / "facilitator/newcomer").mkdir()
    (sources / "facilitator/newcomer/__init__.py").touch()
    assert broken(sources) == {"layers"}


def graph(package: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, FOLDER_GRAPH, package], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_the_graph_of_folders_has_layers(sources: Path) -> None:
    code, shown = graph(sources / "facilitator")
    assert code == 0
    assert re.search(r"^ ?\d+ runtime -> api, .*x402$", shown, re.M)
    assert re.search(r"^ 2 cardano -> immutable$", shown, re.M)
    assert shown.endswith("no circle at any depth\n")


@pytest.mark.parametrize(
    ("module", "imported", "within"),
    [
        ("clock", "facilitator.api", "facilitator"),
        ("cardano/addresses/bech32", "facilitator.cardano.codec", "facilitator/cardano"),
    ],
)
def test_the_graph_of_folders_shows_a_circle(
    sources: Path, module: str, imported: str, within: str
) -> None:
    plant(sources / f"facilitator/{module}.py", f"def late():\n    import {imported}")
    code, shown = graph(sources / "facilitator")
    assert code == 1
    assert re.fullmatch(rf"circle in {within}: (\w+) -> (\w+ -> )*\1\n", shown)
    assert Path(module).parts[-2 if "/" in module else -1] in shown
