"""The transfer methods of the core."""

from collections.abc import Mapping

from facilitator.exact.methods import DefaultTransfer, TransferMethod
from facilitator.exact.script import ScriptTransfer

BUILT_IN_METHODS: Mapping[str, TransferMethod] = {
    "default": DefaultTransfer(),
    "script": ScriptTransfer(),
}
"""Transfer methods by ``extra.assetTransferMethod``."""
