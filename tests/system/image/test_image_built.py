"""The image, built by Buildah and run as Docker runs it: user 1001, process 1, a root to read only.

What it does not show: what else the base image holds, Docker's own networks and limits.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from facilitator import __version__
from facilitator.clock import SystemClock
from facilitator.testing.http import call
from facilitator.testing.running import NETWORK
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from image.builder import Builder, why_not
from image.containers import Image, running
from image.dockerfile import DOCKERFILE, stages
from image.roots import base_root, find_python
from support.redis_servers import free_port
from workers.fleet import payment

if not DOCKERFILE.exists():
    pytest.skip("needs a checkout: no docker/ here", allow_module_level=True)
(VERSION,) = re.findall(r"python:(3\.\d+)", stages()[0].base)
if reason := why_not():
    pytest.skip(f"the image cannot be built here: {reason}", allow_module_level=True)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    if find_python(VERSION) is None:  # asking takes a second
        pytest.skip(f"the image cannot be built here: it needs Python {VERSION}")
    base = base_root(tmp_path_factory.mktemp("base"), VERSION)
    with closing(Builder(tmp_path_factory.mktemp("image"))) as builder:
        builder.import_base(base)
        builder.build(VERSION=__version__, REVISION="0123abcd")
        yield builder


@pytest.fixture(scope="module")
def image(builder: Builder) -> Image:
    return builder.image()


def is_healthy(builder: Builder, image: Image) -> bool:
    """What the health check says."""
    how, *words = builder.config()["Healthcheck"]["Test"]
    assert how == "CMD"
    done = subprocess.run(image.words(words), capture_output=True, check=False)
    return done.returncode == 0


def succeeds(port: int, body: object, devnet: Devnet) -> bool:
    """Make a block, and ask for the settlement."""
    devnet.produce_block()
    return bool(call(port, "POST", "/settle", body, {"Prefer": "wait=1"})[1]["success"])


def test_it_serves_and_a_stop_in_mid_settle_loses_nothing(
    builder: Builder, image: Image, tmp_path: Path
) -> None:
    data, port = tmp_path / "data", free_port()
    data.mkdir(mode=0o700)
    os.chown(data, 1001, 1001)
    body = payment(0)
    with closing(Devnet(NETWORK, SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        image = image.with_environ(
            FACILITATOR_PLUGINS="blockfrost,sqlite",
            FACILITATOR_BLOCKFROST__BASE_URL=f"{api.url}/api/v0",
            FACILITATOR_BLOCKFROST__PROJECT_ID="preprodOfTheImage",
            FACILITATOR_BLOCKFROST__POLL_SECONDS="1",
            FACILITATOR_SETTLEMENT__LEASE_SECONDS="1",
            FACILITATOR_SERVER__PORT=str(port),
        )
        assert not is_healthy(builder, image)
        with running(image, tmp_path, data) as container, ThreadPoolExecutor(1) as pool:
            eventually(lambda: "listening on" in container.log.read_text())
            assert is_healthy(builder, image)
            status = Path(f"/proc/{container.pid}/status").read_text()
            assert re.search(r"^Uid:\t1001\t1001\t1001\t1001$", status, re.M)
            assert re.search(r"^CapEff:\t0+$", status, re.M)
            assert re.search(r"^NSpid:\t\d+\t1$", status, re.M)
            assert call(port, "GET", "/")[1]["version"] == __version__
            assert call(port, "GET", "/health")[1]["status"] == "healthy"
            waiting = pool.submit(call, port, "POST", "/settle", body)
            eventually(lambda: "settlement submitted" in container.log.read_text())
            assert container.stop() == 0
            assert waiting.result(60)[1]["errorReason"] == "settlement_pending"
        with running(image, tmp_path, data) as container:
            eventually(lambda: "listening on" in container.log.read_text())
            eventually(partial(succeeds, port, body, devnet))
            again = call(port, "POST", "/settle", body)[1]
            assert again["errorReason"] == "duplicate_settlement"
            assert container.stop() == 0


def test_every_extra_is_in_it(image: Image) -> None:
    done = subprocess.run(
        image.words(["facilitator", "plugins"]), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cannot be used" not in done.stdout
    names = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"blockfrost", "redis", "devnet"} <= names


def test_it_says_what_it_is(builder: Builder) -> None:
    config = builder.config()
    labels = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
    }
    assert labels["title"] == "x402-cardano-facilitator"
    assert labels["licenses"] == "Apache-2.0"
    assert (labels["version"], labels["revision"]) == (__version__, "0123abcd")
    assert config["ExposedPorts"] == {"3000/tcp": {}}


def test_neither_compiler_nor_sources_nor_pip_are_in_it(image: Image) -> None:
    assert not (image.root / "source").exists()
    added = {each.name for each in (image.root / "opt/facilitator/bin").iterdir()}
    assert "facilitator" in added
    programs = {each.name for folder in image.root.glob("**/bin") for each in folder.iterdir()}
    compiler = r".*(gcc|cc|[cg]\+\+|clang|ld)|pip.*"
    assert not [name for name in programs if re.fullmatch(compiler, name)]
    assert not list(image.root.glob("**/site-packages/pip"))


def test_the_context_is_the_sources_and_no_more(builder: Builder, tmp_path: Path) -> None:
    for name in (
        "setup.py", ".secrets.toml", ".git/config", "docker/.env", "docker/requirements.lock",
        "docker/production/.secrets.toml", "facilitator.db",
        "facilitator/runtime/process.py", "facilitator/__pycache__/app.pyc",
        "plugins/x.egg-info/PKG-INFO",
        "plugins/facilitator_x/settings.py",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    root = builder.context(tmp_path)
    assert sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.is_file()) == [
        "docker/requirements.lock",
        "facilitator/runtime/process.py",
        "plugins/facilitator_x/settings.py",
        "setup.py",
    ]
