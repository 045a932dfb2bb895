"""A Dockerfile, taken apart: its stages and their steps."""

import json
import shlex
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
