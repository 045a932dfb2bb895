"""Requirements of several processes: all of them must see the same records and chain."""

from facilitator.errors import PluginError
from facilitator.roles.chain import ChainProvider
from facilitator.roles.storage import Storage


def check_storage(workers: int, storage: Storage) -> None:
    """Raise :class:`PluginError` if so many workers cannot share the storage."""
    if workers > 1 and not storage.is_shared:
        raise PluginError(
            f"the storage is for one process, and server.workers is {workers}:"
            " enable one that processes share, such as sqlite, or set server.workers to 1"
        )


def check_chain(workers: int, chain: ChainProvider) -> None:
    """Raise :class:`PluginError` if each of so many workers would have its own chain."""
    if workers > 1 and chain.is_devnet:
        raise PluginError(
            f"a devnet lives in one process, and server.workers is {workers}: run 'facilitator"
            " devnet' and reach it through the plugin blockfrost, or set server.workers to 1"
        )
