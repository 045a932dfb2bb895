"""``examples/sponsored_server.py``, run as it is; a wallet without spare ada buys from it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.cli import main
from facilitator.client.seed_wallet import SeedWallet
from facilitator.testing.running import Running
from facilitator.testing.waiting import eventually
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.encoding import with_minimum_lovelace
from facilitator_devnet.genesis import PARAMETERS, TEST_TOKEN
from facilitator_devnet.wallet import Wallet

EXAMPLE = Path(__file__).parents[3] / "examples" / "sponsored_server.py"
BUYERS = " ".join(["abandon"] * 11 + ["about"])
SPONSORS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
ASSET = f"{TEST_TOKEN[:28].hex()}.{TEST_TOKEN[28:].hex()}"
PRICE = 1_000_000
TILL = Wallet("till")


@pytest.fixture
def running(run: Callable[..., Running]) -> Running:
    return run(real_time=True, devnet__block_seconds=0.1)


@pytest.fixture
def _over_blockfrost(running: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The settings of the buyer and of the server: the chain is the facilitator's devnet."""
    with closing(BlockfrostApi(running.devnet)) as api:
        monkeypatch.setenv("FACILITATOR_PLUGINS", "blockfrost,memory")
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__PROJECT_ID", "preprodOfWhoPays")
        monkeypatch.setenv("FACILITATOR_BLOCKFROST__BASE_URL", f"{api.url}/api/v0")
        yield


@contextmanager
def serving(running: Running, folder: Path) -> Iterator[str]:
    """The URL of the page that the example sells."""
    seeds = folder / "sponsor.seed"
    seeds.write_text(SPONSORS)
    words = ["--pay-to", format_address(TILL.address), "--asset", ASSET, "--port", "0"]
    words += ["--seed-file", str(seeds), "--facilitator", running.url]
    words += ["--pool", str(folder / "pool")]
    environ = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLE), *words],
        env=environ, cwd=folder, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("selling "))
        yield line.split()[1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("_over_blockfrost")
def test_a_wallet_without_spare_ada_buys_and_keeps_its_ada(
    running: Running, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    devnet = running.devnet
    sponsor, buyer = SeedWallet(SPONSORS, 0), SeedWallet(BUYERS, 0)
    devnet.fund(sponsor.address, 100_000_000)
    tokens = with_minimum_lovelace(buyer.address, {TEST_TOKEN: 9 * PRICE}, PARAMETERS)
    devnet.fund(buyer.address, tokens.lovelace, tokens.assets)
    seeds = tmp_path / "buyer.seed"
    seeds.write_text(BUYERS)
    pay = ["pay", "--seed-file", str(seeds), "--asset", ASSET, "--max", str(PRICE)]
    with serving(running, tmp_path) as url:
        eventually(lambda: len(devnet.outputs_at(sponsor.address)) == 21)
    with serving(running, tmp_path) as url:
        assert main([*pay, url]) == 0
        printed = capfd.readouterr()
    assert printed.out == '{"forecast": "sunny, 24 degrees"}'
    assert "the server pays the fee" in printed.err
    (change,) = devnet.outputs_at(buyer.address).values()
    assert change.value.lovelace == tokens.lovelace
    assert change.value.assets == {TEST_TOKEN: 8 * PRICE}
    (paid,) = devnet.outputs_at(TILL.address).values()
    assert paid.value.assets == {TEST_TOKEN: PRICE}
    assert 1_500_000 - 300_000 < paid.value.lovelace < 1_500_000
