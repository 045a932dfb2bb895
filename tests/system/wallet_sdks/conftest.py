"""Programs in JavaScript beside a facilitator, and the devnet that both use."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.npm import install_or_skip
from support.process import ServeProcess
from wallet_sdks.open_devnet import OpenDevnet
from wallet_sdks.program import Program

SEED = "test test test test test test test test test test test junk"
"""A seed phrase that nobody keeps anything under."""


@pytest.fixture
def facilitator(tmp_path: Path) -> Iterator[ServeProcess]:
    """It has a devnet of its own, open to others, with a block each second."""
    process = ServeProcess(
        tmp_path,
        {
            "FACILITATOR_PLUGINS": "devnet,memory,masumi",
            "FACILITATOR_DEVNET__BLOCK_SECONDS": "1",
            "FACILITATOR_DEVNET__LISTEN": "127.0.0.1:0",
        },
    )
    yield process
    process.close()


@pytest.fixture
def devnet(facilitator: ServeProcess) -> OpenDevnet:
    assert facilitator.port
    (url,) = re.findall(r"without project ids, at (http://[^\s\"]+)", "".join(facilitator.lines))
    return OpenDevnet(url)


@pytest.fixture
def program(
    devnet: OpenDevnet, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Callable[..., Program]:
    """Install what a project needs, or skip the test; scripts use the devnet and ``SEED``.

    They are the project's own, or those of another folder.
    """
    # Not by pytest's own cache, of which each of tox's environments has one.
    cache = pytestconfig.rootpath / ".pytest_cache" / "npm"
    cache.mkdir(parents=True, exist_ok=True)

    def prepare(project: Path, scripts: Path | None = None) -> Program:
        modules = install_or_skip(project, cache)
        folder = tmp_path_factory.mktemp("program")
        environ = {"BLOCKFROST_URL": devnet.url, "WALLET_SEED": SEED}
        return Program(scripts or project, modules, folder, **environ)

    return prepare
