"""What several processes need: records and a chain that all of them see."""

from facilitator.errors import PluginError
from facilitator.roles.chain import ChainProvider
from facilitator.roles.storage import Storage


def check_storage(workers: int, storage: Storage) -> None:
    """Raise :class:`PluginError` when so many workers cannot keep their records there."""
    if workers > 1 and not storage.is_shared:
        raise PluginError(
            f"the storage is for one process, and server.workers is {workers}:"
            " enable one that processes share, such as sqlite, or set server.workers to 1"
        )


def check_chain(workers: int, chain: ChainProvider) -> None:
    """Raise :class:`PluginError` when each of so many workers would have a chain of its own."""
    if workers > 1 and chain.is_devnet:
        raise PluginError(
            f"a devnet lives in one process, and server.workers is {workers}: run 'facilitator"
            " devnet' and reach it through the plugin blockfrost, or set server.workers to 1"
        )
