"""The hooks of pre-commit, in a repository of their own: what they let in, under which subject."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / ".pre-commit-config.yaml"

pytestmark = [
    pytest.mark.skipif(not CONFIG.exists(), reason="needs a checkout: no hooks here"),
    pytest.mark.skipif(not shutil.which("git"), reason="needs git"),
]

Git = Callable[..., int]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """``git`` with the hooks installed: ``git("commit", ...)`` returns the exit code."""
    repository = tmp_path / "repository"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {
        "PATH": f"{sysconfig.get_path('scripts')}:{environ['PATH']}",
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        **{f"GIT_{role}_NAME": "test" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "test@example.org" for role in ("AUTHOR", "COMMITTER")},
    }

    def run(*words: str) -> int:
        done = subprocess.run(words, cwd=repository, env=environ, capture_output=True, check=False)
        return done.returncode

    repository.mkdir()
    for each in (CONFIG, ROOT / "pyproject.toml"):
        shutil.copy(each, repository)
    assert run("git", "init", "-q") == run("pre-commit", "install") == 0
    assert run("git", "add", ".") == 0
    return lambda *words: run("git", *words)


def test_a_subject_names_its_area(git: Git) -> None:
    for message in (
        "api: name the fault of a header",
        "tests, docs: move both",
        "cardano/codec: read bytes of any length\n\nThe body may hold what it wants. Even this.",
        "api: " + "a" * 67,
        'Revert "api: name the fault of a header"',
        "fixup! api: name the fault of a header",
    ):
        assert git("commit", "--allow-empty", "-m", message) == 0, message


def test_another_subject_is_refused(git: Git) -> None:
    for message in (
        "Name the fault of a header",
        "api: Name the fault of a header",
        "api: name the fault of a header.",
        "api name the fault of a header",
        "api: " + "a" * 68,
        "Name it\n\napi: name the fault of a header",
    ):
        assert git("commit", "--allow-empty", "-m", message) == 1, message


@pytest.mark.parametrize("code", ['"""Docs."""\n\nimport os\n', '"""Docs."""\n\nA  =  1\n'])
def test_what_ruff_refuses_is_not_committed(git: Git, tmp_path: Path, code: str) -> None:
    (tmp_path / "repository/module.py").write_text(code)
    assert git("add", ".") == 0
    assert git("commit", "-m", "api: add a module") == 1
