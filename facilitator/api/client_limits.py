"""The limits of requests that settings name."""

from facilitator.roles.rate_limit import ClientLimits, Limits
from facilitator.settings import RateLimitSettings


def client_limits(settings: RateLimitSettings) -> ClientLimits:
    """Return the limits that the settings name."""
    return ClientLimits(
        Limits(settings.global_per_minute, settings.sensitive_per_minute),
        Limits(settings.key_global_per_minute, settings.key_sensitive_per_minute),
    )
