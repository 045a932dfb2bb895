"""The transfer method ``masumi``: payments to agents, locked in Masumi's escrow."""

from collections.abc import Mapping

from facilitator.plugin import TransferMethod, hookimpl
from facilitator_masumi.method import MasumiTransfer


@hookimpl
def transfer_methods() -> Mapping[str, TransferMethod]:
    """Return the method ``masumi``."""
    return {"masumi": MasumiTransfer()}
