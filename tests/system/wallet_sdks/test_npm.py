"""What becomes of the tests where the packages cannot be had."""

import json
import shutil
from pathlib import Path

import pytest

from facilitator.testing.redis_server import free_port
from support.npm import RegistryUnreachable, install_or_skip

needs_npm = pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """It depends on a package that nobody has."""
    folder = tmp_path / "project"
    folder.mkdir()
    root = {"dependencies": {"missing": "1.0.0"}}
    missing = {"version": "1.0.0", "integrity": f"sha512-{'A' * 86}=="}
    lock = {"lockfileVersion": 3, "packages": {"": root, "node_modules/missing": missing}}
    (folder / "package.json").write_text(json.dumps(root))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    return folder


@pytest.fixture
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))


@needs_npm
@pytest.mark.usefixtures("_offline")
def test_offline_is_skipped(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="npm cannot reach its registry: ECONNREFUSED"):
        install_or_skip(project, tmp_path)


@needs_npm
@pytest.mark.usefixtures("_offline")
def test_offline_fails_in_ci(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(RegistryUnreachable):
        install_or_skip(project, tmp_path)


def test_without_npm_it_is_skipped(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="Node and npm are not installed"):
        install_or_skip(project, tmp_path)


@needs_npm
@pytest.mark.usefixtures("_offline")
def test_what_npm_refuses_fails(project: Path, tmp_path: Path) -> None:
    (project / "package.json").write_text("not JSON")
    with pytest.raises(RuntimeError, match="EJSONPARSE"):
        install_or_skip(project, tmp_path)
