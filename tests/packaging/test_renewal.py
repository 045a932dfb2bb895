"""What renews versions, digests and hashes knows of each file that names some."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from support.checkout import ROOT

GITHUB = ROOT / ".github"
FOLDERS = ("docker", "examples", "tests")
FILES = {
    "docker": "Dockerfile",
    "docker-compose": "compose.yaml",
    "github-actions": "*.yml",
    "npm": "package-lock.json",
    "pip": "pyproject.toml",
}
"""Of each ecosystem, the files that name versions."""

pytestmark = pytest.mark.skipif(not GITHUB.exists(), reason="needs a checkout: no .github/ here")


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def folders(ecosystem: str) -> set[str]:
    """The folders that have such files, as Dependabot writes them."""
    if ecosystem == "github-actions":
        return {"/"}  # it knows .github/workflows by itself
    found = {
        each.parent.relative_to(ROOT)
        for top in FOLDERS
        for each in (ROOT / top).rglob(FILES[ecosystem])
        if "node_modules" not in each.parts
    }
    if ecosystem == "pip":
        found.add(Path())
    return {f"/{each.as_posix()}".removesuffix(".") for each in found}


@pytest.mark.parametrize("ecosystem", FILES)
def test_dependabot_looks_at_each_folder(ecosystem: str) -> None:
    (update,) = (
        each
        for each in read(GITHUB / "dependabot.yml")["updates"]
        if each["package-ecosystem"] == ecosystem
    )
    assert folders(ecosystem) == set(update.get("directories") or [update["directory"]])


def test_the_locks_are_renewed_by_the_commands_that_they_name() -> None:
    steps = read(GITHUB / "workflows/locks.yml")["jobs"]["renew"]["steps"]
    (script,) = (each["run"] for each in steps if each.get("name", "").startswith("Renew"))
    commands = [line[line.index("uv ") :] for line in script.splitlines()]
    locks = [ROOT / "docker" / f"{name}.lock" for name in ("requirements", "build")]
    made_by = [lock.read_text().splitlines()[1].removeprefix("#").strip() for lock in locks]
    assert commands == [f"{command} --upgrade --quiet" for command in made_by]
