"""The wallet of a seed phrase passes the contract of wallets, and broken ones do not."""

import pytest

from facilitator.client.seed_wallet import SeedWallet
from facilitator.roles.wallet import Wallet
from facilitator.testing.wallet import WalletContract

PHRASE = ["abandon"] * 11 + ["about"]


@pytest.fixture(scope="module")
def seed_wallet() -> SeedWallet:
    return SeedWallet(" ".join(PHRASE), network_id=0)


class TestSeedWallet(WalletContract):
    @pytest.fixture
    def wallet(self, seed_wallet: SeedWallet) -> Wallet:
        return seed_wallet
