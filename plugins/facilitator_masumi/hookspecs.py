"""The hooks that this plugin defines for other plugins."""

from collections.abc import Sequence

from facilitator.plugin import Context, hookspec
from facilitator_masumi.deployment import Deployment


@hookspec
def masumi_deployments(  # type: ignore[empty-body]
    context: Context, network: str
) -> Sequence[Deployment]:
    """Return deployments to allow on the network (canonical id), beside those of the settings.

    Called at start, like a provider. A deployment without the hash of its script needs the setting
    ``masumi.blueprint``. The operator trusts the administrators of each.
    """
