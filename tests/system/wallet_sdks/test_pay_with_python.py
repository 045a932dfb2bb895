"""``examples/pay-with-python``, in the environment that its README installs."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facilitator.testing.payments import requirements
from facilitator_devnet.genesis import TEST_TOKEN
from support.process import ServeProcess
from support.readme import install_as_written
from wallet_sdks.conftest import SEED
from wallet_sdks.open_devnet import OpenDevnet
from wallet_sdks.shop import Shop

EXAMPLE = Path(__file__).parents[3] / "examples" / "pay-with-python"
RUN_SECONDS = 120
Pay = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install_as_written(EXAMPLE / "README.md", tmp_path_factory.mktemp("pay"), "pay.py")


@pytest.fixture
def pay(python: Path, devnet: OpenDevnet) -> Pay:
    """Run the script; return its outcome."""
    inherited = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    environ = {**inherited, "BLOCKFROST_URL": f"{devnet.url}/api", "WALLET_SEED": SEED}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(python), str(EXAMPLE / "pay.py"), *words],
            env=environ,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def shop(facilitator: ServeProcess) -> Iterator[Shop]:
    terms = {
        "/ada": requirements(),
        "/token": requirements(asset=TEST_TOKEN, amount=900_000),
        "/dear": requirements(amount=6_000_000),
        "/two-dollars": requirements(asset=TEST_TOKEN, amount=2_000_000),
    }
    shop = Shop(facilitator.port, terms)
    yield shop
    shop.close()


def test_it_pays_in_ada_and_in_a_dollar_token_up_to_its_limits(
    pay: Pay, devnet: OpenDevnet, shop: Shop
) -> None:
    payer = pay("address").stdout.strip()
    devnet.fund(payer, 100_000_000, {TEST_TOKEN.hex(): 5_000_000})
    for transport, path in (("httpx", "/ada"), ("requests", "/token")):
        bought = pay(transport, f"{shop.url}{path}")
        assert bought.returncode == 0, bought.stderr
        sale = shop.sales[-1]
        assert sale.verdict == {"isValid": True, "payer": payer}
        assert sale.receipt["success"] is True, sale.receipt
    for path in ("/dear", "/two-dollars"):
        refused = pay("httpx", f"{shop.url}{path}")
        assert refused.returncode != 0
        assert "spend" in refused.stderr.lower() or "exceed" in refused.stderr.lower(), (
            refused.stderr
        )
    assert len(shop.sales) == 2
