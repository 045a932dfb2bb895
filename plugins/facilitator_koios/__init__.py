"""A public Cardano network by the API of koios.rest, which needs no key, or of another Koios."""

import math
from collections.abc import Mapping

from facilitator.plugin import ChainProvider, Context, RequestMetrics, hookimpl
from facilitator_koios.budget import Budget
from facilitator_koios.client import Client
from facilitator_koios.endpoints import find_endpoint, plan
from facilitator_koios.provider import EvaluatingKoios, Koios
from facilitator_koios.settings import KoiosSettings


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``koios``."""
    return {"koios": KoiosSettings}


@hookimpl
def chain_provider(context: Context, network: str) -> ChainProvider:
    """Return the network's provider.

    Raises :class:`~facilitator.errors.ConfigInvalidError` when the settings don't fit the network.
    """
    settings = context.settings.section(KoiosSettings)
    found = find_endpoint(settings, network, context.settings.networks_for("koios"))
    per_day = math.inf if settings.requests_per_day is None else float(settings.requests_per_day)
    limits = plan(found.tier, per_day)
    client = Client(
        found.base_url,
        settings.token,
        clock=context.clock,
        timeout=settings.timeout_seconds,
        body_limit=found.body_limit,
        budget=None if limits is None else Budget(per_day, context.clock),
        plan=limits,
        metrics=RequestMetrics(context.meter, "koios", network),
    )
    # Hardly any transaction with scripts fits the bodies of the public tier: they run here instead.
    kind = Koios if found.tier == "public" else EvaluatingKoios
    return kind(network, client, context.clock, poll_seconds=settings.poll_seconds)
