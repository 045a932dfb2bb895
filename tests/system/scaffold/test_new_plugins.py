"""A new plugin of each role, installed as a stranger's, passes its own tests at once."""

import os
import shlex
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.cli import main
from facilitator.cli.new_plugin import ROLES
from facilitator.testing.http import call
from facilitator.testing.running import NETWORK
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment
from facilitator_devnet.wallet import Wallet
from support.installing import install_into
from support.process import ServeProcess

SETTINGS = """\
[default]
plugins = ["devnet", "memory", "new_gate"]
[default.devnet]
block_seconds = 0.2
[default.new_gate]
max_lovelace = 2_000_000
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A folder with the distributions of all roles, and the folders of their sources."""
    folder = tmp_path_factory.mktemp("new-plugins")
    sources = [folder / role for role in ROLES]
    for role, source in zip(ROLES, sources, strict=True):
        assert main(["new-plugin", f"new-{role}", "--role", role, "--folder", str(source)]) == 0
    target = folder / "target"
    install_into(target, *sources)
    return target, sources


def with_path(target: Path) -> dict[str, str]:
    paths = [str(target), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


def test_new_plugins_pass_their_tests(installed: tuple[Path, list[Path]]) -> None:
    target, sources = installed
    config = tomllib.loads((sources[0] / "pyproject.toml").read_text())
    options = shlex.split(config["tool"]["pytest"]["ini_options"]["addopts"])
    options += ["-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--import-mode=importlib", "-W", "error"]
        + [str(source / "tests") for source in sources],
        cwd=target.parent,
        env={**os.environ, **with_path(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5_000:] + ran.stderr[-2_000:]


def test_a_payment_goes_through_a_new_gate(
    installed: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    """Enabled by settings alone, in a facilitator as it runs in production."""
    (tmp_path / "settings.toml").write_text(SETTINGS)
    with closing(ServeProcess(tmp_path, with_path(installed[0]))) as process:
        for amount, verdict in ((2_000_001, "new_gate"), (2_000_000, None)):
            terms = requirements(NETWORK, Wallet("merchant").bech32, amount)
            ref = genesis_output(NETWORK, "alice", 0, None)
            body = {
                "x402Version": 2,
                "paymentPayload": payload(terms, sign_payment(terms, "alice", ref, 200), ref),
                "paymentRequirements": terms,
            }
            status, answer = call(process.port, "POST", "/verify", body)
            assert (status, answer.get("invalidReason")) == (200, verdict)
        status, answer = call(process.port, "POST", "/settle", body)
        assert (status, answer["success"]) == (200, True)
