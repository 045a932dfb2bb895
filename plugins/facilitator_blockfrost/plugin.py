"""The plugin, once for each of its settings tables."""

from collections.abc import Mapping

from facilitator.plugin import ChainProvider, Context, RequestMetrics, hookimpl
from facilitator_blockfrost.budget import Budget
from facilitator_blockfrost.client import Client
from facilitator_blockfrost.endpoints import find_endpoint
from facilitator_blockfrost.provider import Blockfrost, HostedBlockfrost
from facilitator_blockfrost.settings import BlockfrostSettings


class BlockfrostPlugin:
    """The hooks, for the settings table that it is made for."""

    def __init__(self, table: str, declaration: type[BlockfrostSettings]) -> None:
        """Take the table's name and what describes it."""
        self._table = table
        self._declaration = declaration

    @hookimpl
    def settings_sections(self) -> Mapping[str, type]:
        """Return the table."""
        return {self._table: self._declaration}

    @hookimpl
    def chain_provider(self, context: Context, network: str) -> ChainProvider | None:
        """Return the network's provider; ``None`` when the settings have a key for others only.

        Raises :class:`~facilitator.errors.ConfigInvalidError` when they don't fit the network.
        """
        settings = context.settings.section(self._declaration)
        served = context.settings.networks_for(self._table)
        found = find_endpoint(self._table, settings, network, served)
        if found is None:
            return None
        client = Client(
            found.base_url,
            found.project_id,
            clock=context.clock,
            timeout=settings.timeout_seconds,
            budget=None if found.tier is None else Budget(found.tier, context.clock),
            metrics=RequestMetrics(context.meter, self._table, network),
            prefixes=found.prefixes,
        )
        provider = HostedBlockfrost if found.is_hosted else Blockfrost
        return provider(network, client, context.clock, poll_seconds=settings.poll_seconds)
