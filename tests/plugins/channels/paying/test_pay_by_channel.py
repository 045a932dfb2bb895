"""``facilitator pay --channel`` buys from the example server, over HTTP and on a devnet."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from facilitator.testing.pytest_plugin import RunFacilitator
from support.channel_shop import PRICE, ChannelShop, channel_shop

DEPOSIT = 5_000_000


@pytest.fixture
def shop(
    run_facilitator: RunFacilitator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[ChannelShop]:
    running = run_facilitator(
        plugins="devnet,memory,channels", real_time=True, devnet__block_seconds="0.1"
    )
    with channel_shop(running, tmp_path, monkeypatch, capfd) as shop:
        yield shop


def test_a_channel_from_its_opening_to_its_refund(shop: ChannelShop, tmp_path: Path) -> None:
    said = shop.buy("--deposit", str(DEPOSIT))
    print(said)
    said = shop.buy()
    print(said)
    said = shop.buy()
    print(said)
