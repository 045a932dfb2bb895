"""The devnet's wallets pass the contract of wallets."""

import pytest

from facilitator.roles.wallet import Wallet
from facilitator.testing.payments import ALICE
from facilitator.testing.wallet import WalletContract


class TestDevnetWallet(WalletContract):
    @pytest.fixture
    def wallet(self) -> Wallet:
        return ALICE
