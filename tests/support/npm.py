"""Packages from npm, installed as a lock file says, once for all tests of a checkout."""

import fcntl
import os
import re
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

NODE_MAJOR = 20
INSTALL_SECONDS = 300
INSTALL = (
    *("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"),
    *("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"),
)
UNREACHABLE = {"EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"}


class NpmUnavailable(Exception):
    """Node or npm is not installed, or too old."""


class RegistryUnreachable(NpmUnavailable):
    """npm cannot reach its registry."""


def install_or_skip(project: Path, cache: Path) -> Path:
    """As :func:`install`; skips the test where npm or its registry is not to be had.

    An unreachable registry is no excuse where the environment variable ``CI`` is set.
    """
    try:
        return install(project, cache)
    except NpmUnavailable as why:
        if isinstance(why, RegistryUnreachable) and os.environ.get("CI"):
            raise
        pytest.skip(f"no packages from npm: {why}")


def install(project: Path, cache: Path) -> Path:
    """The ``node_modules`` of the project, in the cache, where it stays until the lock changes.

    Several processes may ask for it at once. Raises :class:`NpmUnavailable`, and
    :class:`RuntimeError` with npm's own words if the packages cannot be installed.
    """
    _require_node()
    files = [project / name for name in ("package.json", "package-lock.json")]
    key = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    done = cache / f"{project.name}-{key}"
    with (cache / f"{project.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            unfinished = cache / f"{project.name}-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for file in files:
                shutil.copy(file, unfinished)
            _install(unfinished)
            unfinished.rename(done)
    return done / "node_modules"


def _require_node() -> None:
    if not shutil.which("node") or not shutil.which("npm"):
        raise NpmUnavailable("Node and npm are not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.removeprefix("v").partition(".")[0]) < NODE_MAJOR:
        raise NpmUnavailable(f"Node is {version.stdout.strip()}, not {NODE_MAJOR} or newer")


def _install(folder: Path) -> None:
    done = subprocess.run(
        INSTALL, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        codes = set(re.findall(r"^npm (?:error|ERR!) code (\w+)", done.stderr, re.M))
        if codes & UNREACHABLE:
            raise RegistryUnreachable(f"npm cannot reach its registry: {', '.join(codes)}")
        raise RuntimeError(f"npm ci failed:\n{done.stderr}")
