"""Payments on two networks through one process, each network with a plugin of its own."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from facilitator.clock import SystemClock
from facilitator.errors import ConfigInvalidError, PluginError
from facilitator.plugin.loading import configure
from facilitator.runtime.composition import build_facilitator
from facilitator.testing.running import Running
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from support.networks import forgotten_afterwards, sample_payment

PREPROD, PREVIEW = "cardano:preprod", "cardano:preview"
SETTINGS = """
[default]
plugins = ["devnet", "blockfrost", "memory"]
network = ["cardano:preprod", "cardano:preview"]

[default.chain.providers]
"cardano:preprod" = ["devnet"]
"cardano:preview" = ["blockfrost"]

[default.blockfrost]
project_id = "previewOfTheDevnet"
"""


def test_each_network_is_paid_on_through_its_own_plugin(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    far = Devnet(PREVIEW, SystemClock(), block_seconds=0.2)
    with closing(far), BlockfrostApi(far) as api:
        settings = {
            "FACILITATOR_PLUGINS": "devnet,blockfrost,memory",
            "FACILITATOR_DEVNET__BLOCK_SECONDS": "0.2",
            "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        }
        with closing(Running(tmp_path, settings=settings, real_time=True)) as running:
            assert [kind["network"] for kind in running.call("GET", "/supported")[1]["kinds"]] == [
                PREPROD,
                PREVIEW,
            ]
            for network in (PREPROD, PREVIEW):
                body = sample_payment(network)
                assert running.verify(body)["isValid"]
                answer = running.settle_until(body, lambda answer: bool(answer["success"]))
                assert answer["network"] == network
        assert api.counts()["by_endpoint"]["POST /tx/submit"] == 1


@pytest.mark.parametrize(
    ("dress", "properties"),
    [
        ("blockfrost", {}),  # its chain is asked how slots and time relate
        ("yaci", {"eras": ["0 1764547200000 1000"]}),  # which has no genesis
    ],
)
def test_blockfrost_serves_a_network_of_ones_own(
    tmp_path: Path, dress: str, properties: dict[str, Any]
) -> None:
    with forgotten_afterwards():
        environ = {
            "FACILITATOR_PLUGINS": "blockfrost,memory",
            "FACILITATOR_NETWORK": "cardano:devkit",
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "of-the-devnet",
            "FACILITATOR_NETWORKS": json.dumps(
                {"cardano:devkit": {"magic": 42, "epoch_slots": 600, **properties}}
            ),
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        }
        with pytest.raises(ConfigInvalidError) as caught:
            build_facilitator(*configure(environ=environ, cwd=tmp_path))
        assert str(caught.value) == (
            "blockfrost.base_url: is required for devkit, which blockfrost.io has not"
        )
        far = Devnet("cardano:devkit", SystemClock(), block_seconds=0.2)
        with closing(far), BlockfrostApi(far, dress=dress) as api:
            path = "/api/v1/blockfrost" if dress == "yaci" else ""
            settings = {**environ, "FACILITATOR_BLOCKFROST__BASE_URL": f"{api.url}{path}"}
            with closing(Running(tmp_path, settings=settings, real_time=True)) as running:
                body = sample_payment("cardano:devkit")
                assert running.verify(body)["isValid"]
                answer = running.settle_until(body, lambda answer: bool(answer["success"]))
                assert answer["network"] == "cardano:devkit"


def test_another_chain_than_the_network_s_is_refused(tmp_path: Path) -> None:
    """A name of one's own is no way around the network's magic."""
    far = Devnet(PREVIEW, SystemClock(), block_seconds=0)
    with forgotten_afterwards(), closing(far), BlockfrostApi(far) as api:
        settings = {
            "FACILITATOR_PLUGINS": "blockfrost,memory",
            "FACILITATOR_NETWORK": "cardano:devkit",
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "of-the-devnet",
            "FACILITATOR_NETWORKS": '{"cardano:devkit": {"magic": 42}}',
            "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
        }
        facilitator = build_facilitator(*configure(environ=settings, cwd=tmp_path))
        with closing(facilitator), pytest.raises(PluginError, match="it is of cardano:preview"):
            facilitator.start()
