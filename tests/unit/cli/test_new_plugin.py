"""The files that ``facilitator new-plugin`` writes."""

import ast
import tomllib
from pathlib import Path
from unittest.mock import ANY

import pytest

from facilitator.cli import main
from facilitator.cli.new_plugin import ROLES


@pytest.mark.parametrize("role", ROLES)
def test_a_distribution_is_written(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "corner-shop", "--role", role]) == 0
    folder = tmp_path / "facilitator-plugin-corner-shop"
    assert f"cd {folder.name} && pip install" in capsys.readouterr().out
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["facilitator.plugins"] == {"corner_shop": ANY}
    assert "license" not in project
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        text = file.read_text()
        assert "@" not in text.replace("@hookimpl", "").replace("@pytest", "").replace(
            "@dataclass", ""
        ).replace("@property", "").replace("@contextmanager", "").replace("actions/", "").replace(
            "@v6", ""
        ), file
        if file.suffix == ".py":
            assert ast.get_docstring(ast.parse(text)), file
    assert (folder / "src/facilitator_corner_shop/py.typed").exists()
    assert (folder / ".github/workflows/ci.yml").exists()


def test_the_folder_can_be_chosen(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "here"
    assert main(["new-plugin", "x1", "--role", "gate", "--folder", str(folder)]) == 0
    assert (folder / "tests/test_x1.py").exists()


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes").write_text("mine")
    words = ["new-plugin", "x1", "--role", "gate", "--folder", str(tmp_path)]
    assert main(words) == 1
    assert "is there already" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["notes"]


@pytest.mark.parametrize(
    "name", ["", "Shop", "1st", "a--b", "-a", "a-", "a.b", "../up", "ünder", "a b", "lambda"]
)
def test_a_name_that_is_wrong_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["new-plugin", "--role", "gate", "--folder", str(tmp_path / "new"), "--", name]
    assert main(words) == 1
    assert "is no name of a plugin" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["sqlite", "blockfrost-backup"])
def test_a_name_that_is_taken_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["new-plugin", name, "--role", "gate", "--folder", str(tmp_path / "new")]
    assert main(words) == 1
    assert "is taken" in capsys.readouterr().err
