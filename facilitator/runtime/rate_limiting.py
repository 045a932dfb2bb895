"""The choice of the rate limiter, from settings and plugins."""

import time

from facilitator.api.rate_limiters import MovingWindows, OrInMemory, WindowRateLimiter
from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins


def rate_limiter(plugins: Plugins, context: Context) -> WindowRateLimiter | OrInMemory | None:
    """Return the rate limiter: a plugin's, else one in memory; ``None`` when it is disabled.

    Raises :class:`~facilitator.errors.PluginError` when two plugins bring one.
    """
    settings = context.settings.rate_limit
    if not settings.enabled:
        return None
    in_memory = WindowRateLimiter(MovingWindows(), settings, time.monotonic)
    shared = plugins.rate_limiter(context)
    return in_memory if shared is None else OrInMemory(shared, in_memory, settings, context.clock)
