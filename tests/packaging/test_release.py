"""What the release workflow runs before it publishes, step by step as it is written there."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from facilitator import __version__
from support.checkout import ROOT, copy_sources

WORKFLOW = ROOT / ".github/workflows/release.yml"

pytestmark = pytest.mark.skipif(not WORKFLOW.exists(), reason="needs a checkout: no .github/ here")


class Release:
    """The job ``build``, started by a tag, in a folder of sources."""

    def __init__(self, sources: Path, tag: str = f"v{__version__}") -> None:
        self.sources = sources
        steps = YAML(typ="safe").load(WORKFLOW)["jobs"]["build"]["steps"]
        self._scripts = {step["name"]: step["run"] for step in steps if "run" in step}
        self._environ = {
            **{key: os.environ[key] for key in os.environ if not key.startswith("FACILITATOR_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GITHUB_REF_NAME": tag,
        }

    def script(self, name: str) -> str:
        """What a step runs."""
        return str(self._scripts[name])

    def run(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Run a step as GitHub does."""
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", self.script(name)],
            cwd=self.sources, env=self._environ, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Release:
    release = Release(copy_sources(tmp_path_factory.mktemp("release") / "source"))
    for name in ("Check that the tag is the version", "Build"):
        done = release.run(name)
        assert done.returncode == 0, done.stdout + done.stderr
    return release


def test_a_release_is_checked_and_tried(built: Release) -> None:
    checked = built.run("Check the metadata")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count("PASSED") == 2
    sdist, wheel = sorted((built.sources / "dist").iterdir(), key=lambda path: path.suffixes[-1])
    assert (sdist.suffix, wheel.suffix) == (".gz", ".whl")
    demo = built.run("Run the demo from the wheel")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "error: duplicate_settlement" in demo.stdout


def test_the_readme_shows_what_tries_the_wheel(built: Release) -> None:
    """The same command, which builds the wheel itself where it is given the sources."""
    shown = re.findall(r"<!-- command: uvx -->\n```sh\n(.*)\n```", (ROOT / "README.md").read_text())
    tried = built.script("Run the demo from the wheel").strip()
    assert [each.replace("--from .", "--from dist/*.whl") for each in shown] == [tried]


def test_pipx_runs_the_wheel_as_the_readme_has_it_run_the_sources(
    built: Release, tmp_path: Path
) -> None:
    (wheel,) = (built.sources / "dist").glob("*.whl")
    shown = re.findall(
        r"<!-- command: pipx -->\n```sh\n(.*)\n```", (ROOT / "README.md").read_text()
    )
    (command,) = (each.replace("--spec .", f"--spec {wheel}").split() for each in shown)
    # uv instead of pip: the same environment in a tenth of the time.
    environ = {**os.environ, "PIPX_HOME": str(tmp_path), "PIPX_DEFAULT_BACKEND": "uv"}
    environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error: duplicate_settlement" in done.stdout


def test_another_tag_than_the_version_stops_it() -> None:
    for tag in ("v9.9.9", f"v{__version__}1", __version__.replace(".", "x"), "v"):
        assert Release(ROOT, tag).run("Check that the tag is the version").returncode == 1, tag


def test_metadata_that_an_index_would_refuse_stops_it(built: Release, tmp_path: Path) -> None:
    (wheel,) = (built.sources / "dist").glob("*.whl")
    (tmp_path / "dist").mkdir()
    with (
        zipfile.ZipFile(wheel) as good,
        zipfile.ZipFile(tmp_path / "dist" / wheel.name, "w") as bad,
    ):
        for each in good.infolist():
            content = good.read(each)
            if each.filename.endswith("/METADATA"):
                assert b": text/markdown" in content
                content = content.replace(b": text/markdown", b": text/x-rst")
            bad.writestr(each, content)
    assert Release(tmp_path).run("Check the metadata").returncode == 1
