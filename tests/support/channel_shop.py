"""``examples/sell-by-channel`` over HTTP, in this process; a wallet that buys there by command."""

import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from werkzeug.serving import make_server

from facilitator.cli import main
from facilitator.testing.payments import MERCHANT
from facilitator.testing.running import NETWORK, Running
from facilitator_channels.channel import Channel, Validator, read_channel
from facilitator_channels.datum import SUBBIT
from facilitator_channels.seller import (
    ChannelSponsor,
    ClaimPolicy,
    HttpFacilitator,
    ProviderKey,
    Records,
    Seller,
    choose,
    redeem,
)
from facilitator_channels.seller.building import ClaimBuilder
from facilitator_channels.seller.stores.sqlite import SqliteStore
from facilitator_channels.transactions.channel import channel_address
from facilitator_channels.validator import SCRIPT_HASH
from facilitator_devnet.blockfrost.api import BlockfrostApi

SHOP = Path(__file__).parents[2] / "examples" / "sell-by-channel" / "shop.py"
PAGE = {"forecast": "sunny, 24 degrees"}
PRICE = 1_000
SELLER = MERCHANT
KEY = ProviderKey(
    bytes(SELLER.payment_key.verify_key), lambda message: SELLER.sign(message).signature
)
ADDRESS = channel_address(SCRIPT_HASH, 0)
VALIDATOR = Validator(SCRIPT_HASH, SUBBIT)


def load_shop() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sell_by_channel", SHOP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ChannelShop:
    """The shop, and a payer whose settings are in the environment."""

    def __init__(self, running: Running, seller: Seller, capfd: pytest.CaptureFixture[str]) -> None:
        module = load_shop()
        self.running = running
        self.seller = seller
        self.requirements: dict[str, Any] = module.offer(MERCHANT.bech32, SCRIPT_HASH.hex(), KEY)
        self.server = make_server(
            "127.0.0.1", 0, module.shop(seller, self.requirements), threaded=True
        )
        self.url = f"http://127.0.0.1:{self.server.server_port}/forecast"
        self._capfd = capfd

    def pay(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Run ``facilitator pay --channel``; what it prints, and what it says about it."""
        found = main(["pay", "--channel", "--max", str(PRICE), *words, self.url])
        out, err = self._capfd.readouterr()
        assert found == code, err
        return out, err

    def buy(self, *words: str) -> str:
        """Buy the page; what is said about it."""
        out, err = self.pay(*words)
        assert json.loads(out) == PAGE
        return err

    def channels_command(self, *words: str, code: int = 0) -> str:
        """Run ``facilitator channels``; what it prints, or its error."""
        found = main(["channels", *words])
        out, err = self._capfd.readouterr()
        assert found == code, err
        return out or err

    def channels(self) -> list[Channel]:
        """The channels on the devnet."""
        return channels_on(self.running)


def channels_on(running: Running) -> list[Channel]:
    listed = running.devnet.outputs_at(ADDRESS)
    return [read_channel(ref, output, VALIDATOR) for ref, output in listed.items()]


def redeem_from(records: Records, running: Running) -> None:
    """Have all that is owed redeemed by the seller."""
    (batch,) = choose(records, {"lovelace": ClaimPolicy(base=0, each=1)}, 0)
    build = ClaimBuilder(running.devnet, SELLER, KEY).build
    facilitator = HttpFacilitator(running.url)
    answer = redeem(records, facilitator, batch, build, round(time.time() * 1000))
    assert answer is not None
    assert answer["success"], answer


@contextmanager
def channel_shop(
    running: Running,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    sponsor: ChannelSponsor | None = None,
) -> Iterator[ChannelShop]:
    """Yield the shop; ``facilitator pay`` sees its devnet, and keeps records in the folder."""
    providers = {NETWORK: ["blockfrost"]}
    with closing(BlockfrostApi(running.devnet)) as api:
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("FACILITATOR_PLUGINS", "blockfrost,devnet,memory,channels")
        monkeypatch.setenv("FACILITATOR_CHAIN__PROVIDERS", json.dumps(providers))
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__PROJECT_ID", "preprodOfWhoPays")
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__BASE_URL", f"{api.url}/api/v0")
        store = SqliteStore(str(folder / "channels.db"))
        seller = Seller(store, HttpFacilitator(running.url), key=KEY, sponsor=sponsor)
        shop = ChannelShop(running, seller, capfd)
        thread = threading.Thread(target=shop.server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield shop
        finally:
            shop.server.shutdown()
            thread.join()
            shop.server.server_close()
            seller.close()
            store.close()
