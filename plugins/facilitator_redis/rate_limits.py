"""Rate limits of a fleet for each client: moving windows of a minute."""

from collections.abc import Iterator, Sequence

from facilitator.plugin import (
    ClientLimits,
    Limits,
    RateDecision,
    RateLimitSettings,
    Window,
    decide,
    pausing,
)
from facilitator_redis import holds
from facilitator_redis.names import Names
from facilitator_redis.server import Server

WINDOW_SECONDS = 60
TIMEOUT_SECONDS = 0.25
"""The longest delay of a request by its counting."""


class RedisRateLimiter:
    """A :class:`~facilitator.roles.rate_limit.RateLimiter` for all processes on the same Redis.

    It allows no more requests in any minute than the settings say, in all and of sensitive ones.
    The minutes are those of the server's clock, so that clocks of other processes do not matter.
    """

    is_prompt = True
    """Each call of the server has a time limit, so it is called without a thread of its own."""

    def __init__(self, server: Server, names: Names, settings: RateLimitSettings) -> None:
        """Count under these names. ``server`` should give up early: every request asks it."""
        self._server = server
        self._names = names
        self.change(
            ClientLimits(
                Limits(settings.global_per_minute, settings.sensitive_per_minute),
                Limits(settings.key_global_per_minute, settings.key_sensitive_per_minute),
            )
        )

    def change(self, limits: ClientLimits) -> None:
        """Keep these limits from now on, with the requests counted before."""
        self._limits = limits

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count the request if every limit has room for it.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        return self.hit_within(client, self._limits.of(client), sensitive=sensitive)

    def hit_within(self, client: str, limits: Limits, *, sensitive: bool) -> RateDecision:
        """Count the request if every one of these limits has room for it.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        windows = limits.windows(sensitive=sensitive)
        keys = [self._names.window(name, client) for name, _ in windows]
        sizes = [size for _, size in windows]
        # A request counted twice, after a lost reply, does the client little harm.
        with pausing():
            reply = self._server.run(holds.HIT, keys, [WINDOW_SECONDS, *sizes])
        return decide(list(_windows(reply[1:], windows)), allowed=bool(reply[0]))

    def close(self) -> None:
        """Close the connections."""
        self._server.close()


def _windows(counted: Sequence[int | bytes], limits: Sequence[tuple[str, int]]) -> Iterator[Window]:
    """Yield the client's windows from the number of requests, and the seconds left, of each."""
    for place, (name, limit) in enumerate(limits):
        used, seconds = counted[2 * place : 2 * place + 2]
        yield Window(limit, int(used), float(seconds), name)
