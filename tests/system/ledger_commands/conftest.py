"""A facilitator that settles into a file, and ``facilitator payments`` beside it."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facilitator.cli import main
from facilitator.testing.running import Running
from facilitator_devnet.blockfrost.serving import serve

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def running(run: Callable[..., Running], tmp_path: Path) -> Running:
    return run(
        plugins="devnet,sqlite",
        sqlite__path=tmp_path / "facilitator.db",
        settlement__wait_seconds=0,
    )


@pytest.fixture
def environ(running: Running, tmp_path: Path) -> dict[str, str]:
    """The environment of commands: the same file, and the same chain by a provider of its own."""
    url = serve(running.devnet, "127.0.0.1:0").url
    clean = {name: each for name, each in os.environ.items() if not name.startswith("FACILITATOR_")}
    return {
        **clean,
        "FACILITATOR_PLUGINS": "blockfrost,sqlite",
        "FACILITATOR_BLOCKFROST__BASE_URL": f"{url}/api/v0",
        "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheDevnet",
        "FACILITATOR_SQLITE__PATH": str(tmp_path / "facilitator.db"),
    }


@pytest.fixture
def payments(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run ``facilitator payments``: exit code, output and errors."""

    def command(*words: str, stdin: str = "", **settings: str) -> tuple[int, str, str]:
        variables = {f"FACILITATOR_{name.upper()}": each for name, each in settings.items()}
        with monkeypatch.context() as patch:
            for name, value in {**environ, **variables}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            capsys.readouterr()
            code = main(["payments", *words])
        return code, *capsys.readouterr()

    return command
