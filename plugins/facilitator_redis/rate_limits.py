"""How many requests each client may make of a fleet: moving windows of a minute."""

from collections.abc import Iterator, Sequence

from facilitator.plugin import Clock, RateDecision, RateLimitSettings, Window, decide
from facilitator_redis import scripts
from facilitator_redis.names import Names
from facilitator_redis.server import Server

WINDOW_SECONDS = 60
TIMEOUT_SECONDS = 0.25
"""How long a request may be held up by being counted."""


class RedisRateLimiter:
    """A :class:`~facilitator.roles.rate_limit.RateLimiter` for whoever reaches the same Redis.

    Never more requests in any minute than the settings say, for all and for the sensitive ones.
    """

    def __init__(
        self, server: Server, names: Names, settings: RateLimitSettings, clock: Clock
    ) -> None:
        """Count under these names. The server should give up early: every request asks it."""
        self._server = server
        self._names = names
        self._clock = clock
        self.change(settings.global_per_minute, settings.sensitive_per_minute)

    def change(self, global_per_minute: int, sensitive_per_minute: int) -> None:
        """Keep these limits from now on, counting what was counted before."""
        every, sensitive = ("global", global_per_minute), ("sensitive", sensitive_per_minute)
        self._limits = {False: (every,), True: (sensitive, every)}

    def hit(self, client: str, *, sensitive: bool) -> RateDecision:
        """Count the request where every limit has room for it, else nowhere.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        limits = self._limits[sensitive]
        keys = [self._names.window(name, client) for name, _ in limits]
        sizes = [size for _, size in limits]
        now = self._clock.time()
        # One that is counted twice, as its reply was lost, does the client little harm.
        told = self._server.run(scripts.HIT, keys, [now, WINDOW_SECONDS, *sizes])
        return decide(list(_windows(told[1:], sizes, now)), allowed=bool(told[0]))

    def close(self) -> None:
        """Let go of the connections."""
        self._server.close()


def _windows(told: Sequence[int | bytes], limits: Sequence[int], now: float) -> Iterator[Window]:
    """How the client stood in each, by how many there were and when the oldest was."""
    for place, limit in enumerate(limits):
        used, oldest = told[2 * place : 2 * place + 2]
        yield Window(limit, int(used), float(oldest or now) + WINDOW_SECONDS - now)
