"""A public Cardano network by Blockfrost's API, of blockfrost.io or of one's own, as a plugin.

It is announced twice, as ``blockfrost`` and as ``blockfrost_backup``, so that a second account or
a second server can stand in for the first.
"""

from facilitator_blockfrost.plugin import BlockfrostPlugin
from facilitator_blockfrost.settings import BlockfrostBackupSettings, BlockfrostSettings

blockfrost = BlockfrostPlugin("blockfrost", BlockfrostSettings)
backup = BlockfrostPlugin("blockfrost_backup", BlockfrostBackupSettings)

settings_sections = blockfrost.settings_sections
chain_provider = blockfrost.chain_provider
