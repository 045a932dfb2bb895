"""The locks of the image are those of setup.py and pyproject.toml: no more, no less."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from image.dockerfile import DOCKERFILE, ROOT

LOCK = ROOT / "docker/requirements.lock"
BUILD_LOCK = ROOT / "docker/build.lock"
_ENTRY = re.compile(r"^(\S+)==(\S+) \\\n((?:    --hash=\S+(?: \\)?\n)+)((?:    # .*\n)*)", re.M)

pytestmark = pytest.mark.skipif(not DOCKERFILE.exists(), reason="needs a checkout: no docker/ here")


class Locked(NamedTuple):
    """What a lock says of a distribution."""

    version: str
    hashes: list[str]
    is_direct: bool


def entries(lock: Path) -> dict[str, Locked]:
    text = lock.read_text()
    found: dict[str, Locked] = {
        canonicalize_name(name): Locked(
            version, re.findall(r"--hash=(\S+)", hashes), "x402-cardano-facilitator" in via
        )
        for name, version, hashes, via in _ENTRY.findall(text)
    }
    assert len(found) == len(re.findall(r"^[^\s#]", text, re.M))
    return found


def stale(needed: list[Requirement], locked: dict[str, Locked]) -> list[str]:
    """Return what the lock lacks, or has in a version that is not allowed."""
    return [
        str(each)
        for each in needed
        if (found := locked.get(canonicalize_name(each.name))) is None
        or not each.specifier.contains(found.version, prereleases=True)
    ]


def needed_by_the_image() -> list[Requirement]:
    """The requirements of the core and of the extra "all"."""
    told = map(Requirement, requires("x402-cardano-facilitator") or ())
    return [each for each in told if not each.marker or each.marker.evaluate({"extra": "all"})]


def test_the_lock_is_that_of_setup_py() -> None:
    locked, needed = entries(LOCK), needed_by_the_image()
    again = f"stale: run\n{LOCK.read_text().splitlines()[1]}"
    assert stale(needed, locked) == [], again
    direct = {name for name, each in locked.items() if each.is_direct}
    assert direct == {canonicalize_name(each.name) for each in needed}, again


def test_the_build_lock_is_that_of_pyproject() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert stale([Requirement(each) for each in build], entries(BUILD_LOCK)) == []
    assert entries(BUILD_LOCK)["setuptools"].version == entries(LOCK)["setuptools"].version


def test_everything_has_hashes() -> None:
    for locked in (entries(LOCK), entries(BUILD_LOCK)):
        assert locked
        for name, each in locked.items():
            assert each.hashes, name
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in each.hashes), name


@pytest.mark.parametrize("requirement", ["falcon<4", "not-in-there>=1"])
def test_a_stale_lock_is_noticed(requirement: str) -> None:
    assert stale([Requirement(requirement)], entries(LOCK)) == [requirement]
