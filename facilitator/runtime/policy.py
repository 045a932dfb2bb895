"""The operator's limits on requirements, from settings."""

from facilitator.exact.terms import TermsPolicy
from facilitator.settings import Settings


def terms_policy(settings: Settings) -> TermsPolicy:
    """Return the limits that the settings name."""
    settlement = settings.settlement
    return TermsPolicy(settlement.accept_mempool, settlement.max_timeout_seconds)
