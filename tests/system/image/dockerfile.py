"""A Dockerfile, taken apart: its stages and their steps, and which files its context has."""

import fnmatch
import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[3]
DOCKERFILE = ROOT / "docker/Dockerfile"
IGNORED = ROOT / "docker/Dockerfile.dockerignore"


@dataclass(frozen=True)
class Step:
    """One instruction."""

    name: str
    value: str

    def words(self) -> list[str]:
        """The value as words: those of its JSON array, else as a shell splits it."""
        if self.value.startswith("["):
            return [str(word) for word in json.loads(self.value)]
        return shlex.split(self.value)


@dataclass
class Stage:
    """What ``FROM`` begins."""

    base: str
    name: str | None
    steps: list[Step] = field(default_factory=list)

    def last(self, name: str) -> Step:
        """The last instruction of that name, which counts."""
        return [step for step in self.steps if step.name == name][-1]


def stages() -> list[Stage]:
    """The stages in order; the last one is the image."""
    found: list[Stage] = []
    for each in DockerfileParser(path=str(DOCKERFILE)).structure:
        name, value = each["instruction"], each["value"]
        if name == "FROM":
            base, *alias = value.split()
            found.append(Stage(base, alias[1] if alias else None))
        elif name != "COMMENT":
            found[-1].steps.append(Step(name, value))
    return found


def context_files(root: Path, rules: Sequence[str]) -> Iterator[Path]:
    """The files below ``root`` that the rules of a ``.dockerignore`` leave in the context.

    Of their syntax what is needed here: ``*``, a leading ``!``, and a leading ``**/``.
    """
    for top in sorted(root.iterdir()):
        if _is_ignored([top.name], rules):
            continue  # without a look at what is below: environments of tox, for instance
        for file in [top] if top.is_file() else sorted(top.rglob("*")):
            if file.is_file() and not _is_ignored(file.relative_to(root).parts, rules):
                yield file


def _is_ignored(parts: Sequence[str], rules: Sequence[str]) -> bool:
    ignored = False
    for rule in rules:
        wanted = rule.removeprefix("!")
        if wanted.startswith("**/"):
            hit = any(fnmatch.fnmatch(part, wanted[3:]) for part in parts)
        else:
            hit = fnmatch.fnmatch(parts[0], wanted)
        if hit:
            ignored = not rule.startswith("!")
    return ignored


def ignore_rules() -> list[str]:
    """Those of the Dockerfile's own ``.dockerignore``."""
    return [line for line in IGNORED.read_text().splitlines() if line and line[0] != "#"]
