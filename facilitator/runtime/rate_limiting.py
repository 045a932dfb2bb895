"""The choice of the rate limiter, from settings and plugins."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from facilitator.plugin.context import Context
from facilitator.plugin.manager import Plugins

if TYPE_CHECKING:
    from facilitator.api.rate_limiters import FallbackRateLimiter, WindowRateLimiter


def rate_limiter(
    plugins: Plugins, context: Context
) -> WindowRateLimiter | FallbackRateLimiter | None:
    """Return the rate limiter: a plugin's, else one in memory; ``None`` when it is disabled.

    Raises :class:`~facilitator.errors.PluginError` when two plugins bring one.
    """
    settings = context.settings.rate_limit
    if not settings.enabled:
        return None
    # Here, for a start without limits is spared the import of all storages of the package limits.
    from facilitator.api.rate_limiters import FallbackRateLimiter, MovingWindows, WindowRateLimiter

    in_memory = WindowRateLimiter(MovingWindows(), settings, time.monotonic)
    shared = plugins.rate_limiter(context)
    if shared is None:
        return in_memory
    return FallbackRateLimiter(shared, in_memory, settings, context.clock)
