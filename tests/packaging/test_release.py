"""What the release workflow runs before it publishes, step by step as it is written there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from facilitator import __version__
from support.checkout import ROOT, copy_sources

WORKFLOW = ROOT / ".github/workflows/release.yml"

pytestmark = pytest.mark.skipif(not WORKFLOW.exists(), reason="needs a checkout: no .github/ here")


class Release:
    """The job ``build`` in a copy of the sources, started by a tag."""

    def __init__(self, folder: Path, tag: str) -> None:
        folder.mkdir(exist_ok=True)
        self.sources = copy_sources(folder / "source")
        steps = YAML(typ="safe").load(WORKFLOW)["jobs"]["build"]["steps"]
        self._scripts = {step["name"]: step["run"] for step in steps if "run" in step}
        self._environ = {
            **{key: os.environ[key] for key in os.environ if not key.startswith("FACILITATOR_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GITHUB_REF_NAME": tag,
            "RUNNER_TEMP": str(folder),
            # pip's switch by which it compiles all that it installs; here little of that is used
            "PIP_NO_COMPILE": "false",
        }

    def run(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Run a step as GitHub does."""
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", self._scripts[name]],
            cwd=self.sources, env=self._environ, capture_output=True, text=True, check=False,
        )  # fmt: skip


def test_a_release_is_built_checked_and_tried(tmp_path: Path) -> None:
    release = Release(tmp_path, f"v{__version__}")
    for name in ("Check that the tag is the version", "Build", "Check the metadata"):
        done = release.run(name)
        assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2
    sdist, wheel = sorted((release.sources / "dist").iterdir(), key=lambda path: path.suffixes[-1])
    assert (sdist.suffix, wheel.suffix) == (".gz", ".whl")
    demo = release.run("Run the demo from the wheel")
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "error: duplicate_settlement" in demo.stdout


def test_another_tag_than_the_version_stops_it(tmp_path: Path) -> None:
    for tag in ("v9.9.9", f"v{__version__}1", __version__.replace(".", "x"), "v"):
        release = Release(tmp_path / tag, tag)
        assert release.run("Check that the tag is the version").returncode == 1, tag


def test_metadata_that_an_index_would_refuse_stops_it(tmp_path: Path) -> None:
    release = Release(tmp_path, f"v{__version__}")
    setup = release.sources / "setup.py"
    setup.write_text(setup.read_text().replace('type="text/markdown"', 'type="text/x-rst"'))
    assert release.run("Build").returncode == 0
    assert release.run("Check the metadata").returncode == 1
