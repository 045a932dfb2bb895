"""A devnet behind its API in one of its dresses, asked by the plugin."""

from dataclasses import replace

from facilitator.testing.chain import Silence
from facilitator.testing.over_devnet import OverDevnet
from facilitator_blockfrost.provider import Blockfrost
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.blockfrost.dress import without_spends


class Dressed(OverDevnet[Blockfrost]):
    """A chain under test that can also hide what is spent."""

    def __init__(self, api: BlockfrostApi, provider: Blockfrost) -> None:
        super().__init__(provider, api.devnet)
        self.api = api

    def hide_spends(self, how: Silence) -> None:
        self.api.dress = replace(self.api.dress, edits=without_spends(how))
