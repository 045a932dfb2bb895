"""The transfer method ``masumi``: agents' payments that are locked in Masumi's escrow."""

from collections.abc import Mapping

from facilitator.plugin import TransferMethod, hookimpl
from facilitator_masumi.method import MasumiTransfer


@hookimpl
def transfer_methods() -> Mapping[str, TransferMethod]:
    """``masumi``."""
    return {"masumi": MasumiTransfer()}
