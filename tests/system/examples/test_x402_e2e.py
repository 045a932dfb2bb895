"""The folder for x402's end-to-end tests: installed as its README says, driven as they do."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest

from facilitator.testing.http import call
from support.checkout import ROOT, copy_sources
from support.example_plugins import EXAMPLES, payment

README = EXAMPLES / "x402-e2e" / "README.md"
READY = "Facilitator listening\n"
KNOWN_COMMANDS = ("pnpm ", "npm ", "node ", "python ", "uv run ", "go run ")
"""What x402's tests look for in ``run.sh``."""
ENOUGH_SECONDS = 300


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in a clone of x402, by the README's first two commands."""
    folder = tmp_path_factory.mktemp("x402-e2e")
    proxies = folder / "x402" / "e2e" / "facilitators" / "external-proxies"
    proxies.mkdir(parents=True)
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "X402": str(folder / "x402"),
    }
    sources = copy_sources(folder / "facilitator", "examples")
    copy, install = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)[:2]
    for command in (copy, install):
        subprocess.run(
            ["bash", "-euc", command], cwd=sources, env=environ, check=True, timeout=ENOUGH_SECONDS
        )
    return proxies / "cardano"


@pytest.fixture
def started(installed: Path) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """The facilitator on a port, once it has printed its ready line."""
    script = map(str.strip, (installed / "run.sh").read_text().splitlines())
    command = next(line for line in script if line.startswith(KNOWN_COMMANDS)).split(" ")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("FACILITATOR_")}
    inherited.pop("PYTHONPATH", None)
    path = f"{Path(sys.executable).parent}:{inherited['PATH']}"
    with subprocess.Popen(
        command,
        cwd=installed,
        env={**inherited, "PATH": path, "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = [*takewhile(lambda line: line != READY, process.stdout)]
            (port,) = re.findall(r"listening on http://[^ ]*:([0-9]+)", "".join(lines))
            yield int(port), process
        finally:
            process.kill()


def test_it_verifies_settles_and_closes(started: tuple[int, "subprocess.Popen[str]"]) -> None:
    port, process = started
    body = payment("alice", 0)
    assert call(port, "GET", "/health")[0] == 200
    assert call(port, "GET", "/supported")[1]["kinds"]
    assert call(port, "POST", "/verify", body)[1]["isValid"] is True
    assert call(port, "POST", "/settle", body)[1]["success"] is True
    assert call(port, "POST", "/close", headers={"X-Forwarded-For": "192.0.2.1"})[0] == 403
    status, answer = call(port, "POST", "/close")
    assert (status, list(answer)) == (200, ["message"])
    assert process.wait(ENOUGH_SECONDS) == 0


def test_it_declares_itself_as_they_read_it(installed: Path) -> None:
    declared = json.loads((installed / "test.config.json").read_text())
    assert (declared["type"], declared["x402Versions"]) == ("facilitator", [2])
    assert declared["environment"]["required"] == ["PORT"]
    assert (installed / "install.sh").exists()
    assert (installed / "build.sh").exists()
    assert (ROOT / "examples" / "x402-e2e").is_dir()
