"""Copies of the sources, so that building leaves nothing behind in them."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "facilitator", "plugins")
"""What a build needs."""


def copy_sources(folder: Path, *more: str) -> Path:
    """Copy the sources, and ``more`` of the checkout, into a new folder."""
    folder.mkdir()
    for name in (*SOURCES, *more):
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, folder)
    return folder
