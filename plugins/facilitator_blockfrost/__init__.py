"""A public Cardano network by the API of blockfrost.io or of a self-hosted Blockfrost, as a plugin.

It is registered twice, as ``blockfrost`` and as ``blockfrost_backup``: a second account or server
can stand by for the first.
"""

from facilitator_blockfrost.plugin import BlockfrostPlugin
from facilitator_blockfrost.settings import BlockfrostBackupSettings, BlockfrostSettings

blockfrost = BlockfrostPlugin("blockfrost", BlockfrostSettings)
backup = BlockfrostPlugin("blockfrost_backup", BlockfrostBackupSettings)

settings_sections = blockfrost.settings_sections
chain_provider = blockfrost.chain_provider
