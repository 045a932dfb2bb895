"""The image, built step by step in a clean root, and run as Docker runs it: nothing but its root
to read, nothing but its volume to write, user 1001, process 1.

What it does not show: what else the base image holds, Docker's own networks and limits.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from facilitator import __version__
from facilitator.testing.http import call
from facilitator.testing.waiting import eventually
from image.dockerfile import DOCKERFILE, Step, stages
from image.roots import Image, base_root, carry_out, why_not
from support.redis_servers import free_port

if not DOCKERFILE.exists():
    pytest.skip("needs a checkout: no docker/ here", allow_module_level=True)
if reason := why_not():
    if os.environ.get("CI"):
        pytest.fail(f"the image cannot be built here: {reason}")
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    (version,) = re.findall(r"python:(3\.\d+)", stages()[-1].base)
    base = base_root(folder / "base", version)
    return carry_out(stages(), base, folder)


@contextmanager
def container(image: Image, **environ: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """The running entry point, and the id of its process outside."""
    entry = [*stages()[-1].last("ENTRYPOINT").words(), *stages()[-1].last("CMD").words()]
    run = replace(image, environ={**image.environ, **environ})
    command = run.command(entry, read_only=True)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        eventually(lambda: children.read_text())
        yield process, int(children.read_text().split()[0])
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def is_healthy(image: Image, port: int) -> bool:
    """What the health check says."""
    value = stages()[-1].last("HEALTHCHECK").value
    words = Step("CMD", value.partition("CMD ")[2]).words()
    run = replace(image, environ={**image.environ, "FACILITATOR_SERVER__PORT": str(port)})
    done = subprocess.run(run.command(words, read_only=True), capture_output=True, check=False)
    return done.returncode == 0


def test_it_serves_is_healthy_and_stops(image: Image) -> None:
    port = free_port()
    with container(image, FACILITATOR_SERVER__PORT=str(port)) as (process, pid):
        assert not is_healthy(image, free_port())
        eventually(lambda: is_healthy(image, port))
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\t1001\t1001\t1001\t1001$", status, re.M)
        assert re.search(r"^CapEff:\t0+$", status, re.M)
        assert re.search(r"^NSpid:\t\d+\t1$", status, re.M)
        _, index = call(port, "GET", "/")
        assert index["version"] == __version__
        assert call(port, "GET", "/health")[1]["status"] == "healthy"
        os.kill(pid, signal.SIGTERM)
        assert process.wait(60) == 0


def test_every_extra_is_in_it(image: Image) -> None:
    done = subprocess.run(
        image.command(["facilitator", "plugins"]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cannot be used" not in done.stdout
    names = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"blockfrost", "redis", "devnet"} <= names


def test_neither_compiler_nor_sources_nor_pip_are_in_it(image: Image) -> None:
    assert not (image.root / "source").exists()
    added = {each.name for each in (image.root / "opt/facilitator/bin").iterdir()}
    assert "facilitator" in added
    assert not [name for name in added if name.startswith("pip")]
    programs = {each.name for folder in image.root.glob("**/bin") for each in folder.iterdir()}
    assert not [name for name in programs if re.fullmatch(r".*(gcc|cc|[cg]\+\+|clang|ld)", name)]
