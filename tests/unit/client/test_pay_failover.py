"""A wallet's chain: the network's next provider is asked while the first one cannot answer."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from facilitator.cli import main
from facilitator.client.seed_wallet import SeedWallet
from facilitator.errors import PluginError
from facilitator.runtime.chains import wallet_chain
from facilitator.runtime.funds import open_funds
from facilitator.testing.redis_server import free_port
from facilitator.testing.running import NETWORK, Running
from facilitator_devnet.blockfrost.api import BlockfrostApi
from support.polled import PolledChain
from support.shop import Shop
from support.upstream import Silence, serving

SEED_PHRASE = " ".join(["abandon"] * 11 + ["about"])
FUNDS, PRICE = 5_000_000, 2_000_000
pytestmark = pytest.mark.once  # they wait for a server that hangs


@pytest.fixture(params=["down", "hanging"])
def useless(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server of no use."""
    if request.param == "down":
        yield f"http://127.0.0.1:{free_port()}"
        return
    over = threading.Event()
    with serving(lambda _: Silence(over)) as upstream:
        yield upstream.url
        assert upstream.asked
        over.set()


@pytest.fixture
def standby(
    run: Callable[..., Running], useless: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Running]:
    """A facilitator whose devnet is the standby of the useless server for who pays."""
    running = run(real_time=True, devnet__block_seconds=0.5)
    running.devnet.fund(SeedWallet(SEED_PHRASE, 0).address, FUNDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("FACILITATOR_PLUGINS", "blockfrost,blockfrost_backup,memory")
    monkeypatch.setenv("FACILITATOR_CHAIN__FALLBACK", "blockfrost_backup")
    monkeypatch.setenv("FACILITATOR_BLOCKFROST__BASE_URL", useless)
    monkeypatch.setenv("FACILITATOR_BLOCKFROST__TIMEOUT_SECONDS", "1")
    for each in ("BLOCKFROST", "BLOCKFROST_BACKUP"):
        monkeypatch.setenv(f"FACILITATOR_{each}__PROJECT_ID", "preprodOfWhoPays")
    with closing(BlockfrostApi(running.devnet)) as api:
        monkeypatch.setenv("FACILITATOR_BLOCKFROST_BACKUP__BASE_URL", f"{api.url}/api/v0")
        yield running


def test_a_payment_is_made_by_the_standby(
    standby: Running, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    seeds = tmp_path / "seeds"
    seeds.write_text(SEED_PHRASE)
    with closing(Shop(standby.url)) as shop:
        shop.listen()
        words = ["--seed-file", str(seeds), "--max", str(PRICE), shop.url.geturl()]
        code = main(["pay", *words])
    out, err = capfd.readouterr()
    assert code == 0, err
    assert json.loads(out) == {"forecast": "sunny, 24 degrees"}


def test_the_funds_of_a_seller_are_seen_by_the_standby(standby: Running) -> None:
    wallet = SeedWallet(SEED_PHRASE, 0)
    with open_funds(NETWORK, wallet) as (owner, chain):
        (held,) = chain.outputs_at(owner.address).values()
        assert held.value.lovelace == FUNDS
        assert chain.parameters() == standby.devnet.parameters()


def test_a_chain_that_lists_nothing_is_none_for_a_wallet(run: Callable[..., Running]) -> None:
    with pytest.raises(PluginError, match="the plugin polled cannot say what an address holds"):
        wallet_chain([("polled", PolledChain(run().devnet))])
