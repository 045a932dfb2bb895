"""Payments on two networks through one process, each network with a plugin of its own."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from facilitator.clock import SystemClock
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from facilitator_devnet.samples import genesis_output, payload, requirements, sign_payment
from support.running import Running

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


def payment(network: str) -> dict[str, Any]:
    """A payment of a genesis wallet on the network, as a request body."""
    terms: Mapping[str, Any] = requirements(
        network, wallets(network)["merchant"].bech32, 2_000_000, confirmations=0
    )
    ref = genesis_output(network, "alice", 0, None)
    transaction = sign_payment(terms, "alice", ref, 300)
    return {
        "x402Version": 2,
        "paymentPayload": payload(terms, transaction, ref),
        "paymentRequirements": dict(terms),
    }


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
                body = payment(network)
                assert running.verify(body)["isValid"]
                answer = running.settle_until(body, lambda answer: bool(answer["success"]))
                assert answer["network"] == network
        assert api.counts()["by_endpoint"]["POST /tx/submit"] == 1
