"""The devnet's wallets pass the contract of wallets."""

import pytest

from facilitator.roles.wallet import Wallet
from facilitator.testing.wallet import WalletContract
from support.payments import ALICE


class TestDevnetWallet(WalletContract):
    @pytest.fixture
    def wallet(self) -> Wallet:
        return ALICE
