"""The transfer method ``masumi``: payments to agents, locked in Masumi's escrow."""

from collections.abc import Mapping

from facilitator.plugin import Context, TransferMethod, hookimpl
from facilitator_masumi.allowed import allowed_deployments
from facilitator_masumi.deployment import Deployment
from facilitator_masumi.hookspecs import masumi_deployments, masumi_registry
from facilitator_masumi.method import MasumiTransfer
from facilitator_masumi.registry import Registry
from facilitator_masumi.settings import MasumiSettings

__all__ = [
    "Deployment",
    "masumi_deployments",
    "masumi_registry",
    "settings_sections",
    "transfer_methods",
]


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``masumi``."""
    return {"masumi": MasumiSettings}


@hookimpl
def transfer_methods(context: Context) -> Mapping[str, TransferMethod]:
    """Return the method ``masumi``. Raises :class:`ConfigInvalidError` for its settings."""
    registry = Registry(context, context.settings.section(MasumiSettings).registry_seconds)
    return {"masumi": MasumiTransfer(allowed_deployments(context), registry.state)}
