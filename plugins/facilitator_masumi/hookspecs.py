"""The hooks that this plugin defines for other plugins."""

from collections.abc import Sequence

from facilitator.plugin import AssetState, Context, Unknown, hookspec
from facilitator_masumi.deployment import Deployment


@hookspec
def masumi_deployments(  # type: ignore[empty-body]
    context: Context, network: str
) -> Sequence[Deployment]:
    """Return deployments to allow on the network (canonical id), beside those of the settings.

    Called at start, like a provider. A deployment without the hash of its script needs the setting
    ``masumi.blueprint``. The operator trusts the administrators of each.
    """


@hookspec
def masumi_registry(network: str, agent: str) -> AssetState | Unknown | None:
    """Return what the registry on the network says of the agent (policy id and name, hex).

    Called for payments to registered sellers, like a gate; an answer is used for
    ``masumi.registry_seconds``. Return who holds the agent's token and the metadata of its mint, as
    the chain has them; no holder for an agent that is not accepted; ``Unknown`` for no verdict now;
    and ``None`` to leave it to other plugins, then to the network's chain provider.
    """
