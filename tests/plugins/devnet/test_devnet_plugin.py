"""The devnet as the facilitator gets it: by its settings."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

import facilitator_devnet
from facilitator.errors import PluginError
from facilitator.plugin.context import Context
from facilitator.roles.chain import ChainProvider
from facilitator.settings import load_settings
from facilitator.testing.clock import ManualClock
from facilitator_devnet.devnet import Devnet


def provider(tmp_path: Path, network: str = "cardano:preprod", **variables: str) -> ChainProvider:
    environ = {"FACILITATOR_PLUGINS": "devnet,sqlite"} | variables
    settings = load_settings(
        environ=environ, cwd=tmp_path, sections=facilitator_devnet.settings_sections()
    )
    return facilitator_devnet.chain_provider(Context(settings, ManualClock(1_790_000_000)), network)


def test_it_serves_any_network_and_says_that_it_is_a_double(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        devnet = provider(tmp_path, "cardano:preview")
    assert isinstance(devnet, Devnet)
    assert devnet.is_devnet
    assert devnet.network == "cardano:preview"
    assert devnet.poll_seconds == 2
    assert "the devnet stands in for cardano:preview: a test double" in caplog.text
    devnet.close()


def test_its_settings_are_taken(tmp_path: Path) -> None:
    devnet = provider(
        tmp_path,
        FACILITATOR_DEVNET__BLOCK_SECONDS="0",
        FACILITATOR_DEVNET__PATH=str(tmp_path / "devnet-{network}.sqlite"),
    )
    devnet.close()
    assert (tmp_path / "devnet-preprod.sqlite").exists()


def test_it_does_not_start_in_production(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="does not start in the environment production"):
        provider(tmp_path, FACILITATOR_ENV="production")


def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="the devnet cannot start"):
        provider(tmp_path, FACILITATOR_DEVNET__PATH=str(tmp_path / "no" / "devnet.sqlite"))


def test_it_does_not_import_what_is_slow() -> None:
    script = "import sys, facilitator_devnet; sys.exit('pycardano' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
