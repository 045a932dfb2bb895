"""What gets installed: the core, one package per built-in plugin, and nothing else."""

import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from importlib.metadata import version
from pathlib import Path

import pytest

import facilitator
from support.checkout import ROOT, copy_sources

BUILT_IN = sorted(
    path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").exists()
)
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = copy_sources(folder / "source", "settings.toml")
    command = [sys.executable, "-c", BUILD, str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(name))


def test_the_wheel_holds_the_core_and_the_plugins_only(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    packages = {name for name in top if not name.endswith(".dist-info")}
    assert packages == {"facilitator", *BUILT_IN}
    assert {"facilitator_devnet", "facilitator_memory", "facilitator_sqlite"} <= packages


def test_the_wheel_holds_every_source_file(wheel: zipfile.ZipFile) -> None:
    roots = {"facilitator": ROOT, **dict.fromkeys(BUILT_IN, ROOT / "plugins")}
    expected = {
        path.relative_to(parent).as_posix()
        for name, parent in roots.items()
        for path in (parent / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert expected - set(wheel.namelist()) == set()


def test_defaults_and_type_markers_are_packaged(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert "facilitator/default_settings.toml" in names
    assert {f"{package}/py.typed" for package in ["facilitator", *BUILT_IN]} <= names
    assert not any(name.rpartition("/")[2] == "settings.toml" for name in names)


def test_every_built_in_plugin_is_announced(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    announced = re.findall(r"^(\w+) = (facilitator_\w+)$", wheel.read(name).decode(), re.M)
    assert sorted(announced) == [(name.removeprefix("facilitator_"), name) for name in BUILT_IN]


def test_the_metadata_says_what_the_package_says(wheel: zipfile.ZipFile) -> None:
    told = metadata(wheel)
    assert told["Version"] == facilitator.__version__ == version("x402-cardano-facilitator")
    assert told["License-Expression"] == "Apache-2.0"
    assert told["Requires-Python"] == ">=3.11"
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


def test_there_is_no_package_named_plugins(tmp_path: Path) -> None:
    program = (
        "import importlib.util, sys\n"
        "from facilitator.plugin.loading import load_plugins\n"
        "load_plugins(['devnet', 'sqlite', 'memory'])\n"
        "assert 'plugins' not in sys.modules\n"
        "assert importlib.util.find_spec('plugins') is None\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], cwd=tmp_path, check=True)


def test_the_python_versions_are_the_same_everywhere() -> None:
    tox = re.findall(r"^env_list = .*$", (ROOT / "tox.ini").read_text(), re.M)
    ci = re.search(r"^versions=\((.*)\)$", (ROOT / ".ci/run").read_text(), re.M)
    assert ci is not None
    assert sorted(f"3.{minor}" for minor in re.findall(r"\bpy3(\d+)", *tox)) == ci[1].split()
