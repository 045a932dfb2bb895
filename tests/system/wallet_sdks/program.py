"""A folder of JavaScript that is run by Node."""

import os
import shutil
import subprocess
from pathlib import Path

RUN_SECONDS = 120


class Program:
    """The scripts of a project, in a folder of their own with the installed packages."""

    def __init__(self, project: Path, modules: Path, folder: Path, **environ: str) -> None:
        for script in project.glob("*.mjs"):
            shutil.copy(script, folder)
        (folder / "node_modules").symlink_to(modules)
        self._folder = folder
        # Some of the packages would ask a proxy even for what is on the loopback.
        inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        self._environ = {**inherited, **environ}

    def run(self, script: str, *words: str) -> str:
        """What it prints. Raises :class:`AssertionError` unless it exits with 0."""
        done = subprocess.run(
            ["node", script, *words],
            cwd=self._folder,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
