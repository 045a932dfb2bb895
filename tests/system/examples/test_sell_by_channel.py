"""``examples/sell-by-channel``: what its README installs, and how it is started."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement

from support.example_plugins import EXAMPLES

FOLDER = EXAMPLES / "sell-by-channel"
README = FOLDER / "README.md"
BY_FLASK = {"Werkzeug"}
"""Distributions that Flask needs itself."""


def imported() -> set[str]:
    """The distributions that the scripts import from, but for the standard library and our own."""
    names = set()
    for script in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(script.read_text())):
            if isinstance(node, ast.Import):
                names |= {each.name.split(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").split(".")[0])
    known = packages_distributions()
    others = names - sys.stdlib_module_names
    return {known[name][0] for name in others if not name.startswith("facilitator")}


def test_the_readme_installs_what_it_imports() -> None:
    (installed,) = re.findall(r'^pip install "\.\[plutus\]" "(.+)"$', README.read_text(), re.M)
    assert {Requirement(installed).name} == {each.lower() for each in imported() - BY_FLASK}
    page = EXAMPLES.parent / "docs/how-to/pay-by-channel.md"
    (command,) = re.findall(r"^PROVIDER_SEED=.*$", README.read_text(), re.M)
    assert command in page.read_text()


def test_it_says_how_it_is_started() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "shop.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "usage: PROVIDER_SEED=HEX python shop.py ADDRESS SCRIPT_HASH" in done.stderr
