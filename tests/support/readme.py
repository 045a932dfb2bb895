"""Environments of Python as a README has them installed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

INSTALL_SECONDS = 300


def install_as_written(readme: Path, folder: Path, script: str) -> Path:
    """Install what the block that runs the script installs; return the environment's Python."""
    blocks = re.findall(r"```sh\n(.*?)```", readme.read_text(), re.DOTALL)
    (block,) = (block for block in blocks if f"python {script} " in block)
    (install,) = (line for line in block.splitlines() if line.startswith("pip install "))
    python = folder / "bin" / "python"
    uv = find_uv_bin()
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *shlex.split(install)[2:]],
    ):
        subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
    return python
