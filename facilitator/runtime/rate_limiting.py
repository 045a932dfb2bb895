"""The choice of the rate limiter, from settings and plugins."""

import time

from facilitator.api.rate_limiters import FallbackRateLimiter, MovingWindows, WindowRateLimiter
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins


def rate_limiter(
    plugins: Plugins, context: Context
) -> WindowRateLimiter | FallbackRateLimiter | None:
    """Return the rate limiter: a plugin's, else one in memory; ``None`` when it is disabled.

    Raises :class:`~facilitator.errors.PluginError` when two plugins bring one.
    """
    settings = context.settings.rate_limit
    if not settings.enabled:
        return None
    in_memory = WindowRateLimiter(MovingWindows(), settings, time.monotonic)
    shared = plugins.rate_limiter(context)
    if shared is None:
        return in_memory
    return FallbackRateLimiter(shared, in_memory, settings, context.clock)
