"""The scheme over a chain of its own, and over HTTP on the devnet."""

import pytest

from facilitator.plugin import Settings
from facilitator.settings import load_settings
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator_channels.scheme import ChannelScheme
from support.channel_ledger import Ledger
from support.channels import VALIDATORS


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(None, {}, tmp_path_factory.mktemp("settings"))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def scheme(loaded: Settings, ledger: Ledger) -> ChannelScheme:
    return ChannelScheme(loaded, ManualClock(NOW), {NETWORK: ledger.chain}, VALIDATORS)
