"""The limits of a Blockfrost account, kept on this side to avoid bans.

https://docs.blockfrost.io: each plan has a number of requests a day, from midnight to midnight UTC.
Each IP address has 10 requests a second, with a burst of 500 that refills at that rate.
"""

import math
import threading
from collections.abc import Mapping
from functools import partial

from facilitator.plugin import Allowance, AllowanceSpent, ChainUnavailable, Clock
from facilitator_blockfrost.settings import Tier
from facilitator_blockfrost.wasted import WastedRequests

REQUESTS_PER_SECOND = 10.0
BURST = 500.0
REQUESTS_PER_DAY: Mapping[Tier, float] = {
    "free": 50_000,
    "hobby": 300_000,
    "developer": 1_000_000,
    "enterprise": math.inf,
}
KEPT_BURST = 50.0
KEPT_OF_DAY = 0.05
"""The parts of burst and day that are kept for settlements under way: no verdict uses them up."""
LONGEST_WAIT = 1.0
"""Seconds that a request may wait for its turn."""

DAY = 86_400


class Budget:
    """Counts requests against the plan's limits, those of this process only."""

    def __init__(self, tier: Tier, clock: Clock) -> None:
        """Begin with a full burst and a whole day."""
        self.plan = _words(tier)
        """The plan's limits in words."""
        self._clock = clock
        self._per_day = REQUESTS_PER_DAY[tier]
        self._lock = threading.Lock()
        self._tokens = BURST
        self._filled_at = clock.time()
        self._day = int(self._filled_at // DAY)
        self._spent = 0
        self._wasted_of_day = WastedRequests(0.0)
        self._wasted_lately = WastedRequests(REQUESTS_PER_SECOND / 2)

    @property
    def spent(self) -> int:
        """The requests taken out of the budget since midnight UTC."""
        with self._lock:
            self._refill(self._clock.time())
            return self._spent

    @property
    def left(self) -> float:
        """The requests left of the day."""
        return max(0.0, self._per_day - self.spent)

    def spend(self, allowance: Allowance | None = None) -> float:
        """Take one request out of the budget; return the seconds to wait before it, at most 1.

        With an ``allowance`` it is for a payment that is not judged yet. Raises
        :class:`ChainUnavailable` when the budget is used up, and :class:`AllowanceSpent` when the
        client has had its share of what is left.
        """
        now = self._clock.time()
        with self._lock:
            self._refill(now)
            if self._spent >= self._per_day:
                raise ChainUnavailable(
                    f"the {self._per_day:,} requests that the Blockfrost plan has a day are used"
                    f" up; there are new ones {until_midnight(now)}"
                )
            room = self._tokens
            if allowance is not None:
                room -= KEPT_BURST
                self._check_share(allowance.client, room, now)
            wait = (1 - room) / REQUESTS_PER_SECOND
            if wait > LONGEST_WAIT:
                kind = ChainUnavailable if allowance is None else AllowanceSpent
                raise kind(
                    f"more than {REQUESTS_PER_SECOND:g} requests a second to Blockfrost; there is"
                    f" room again in {wait:.0f} s"
                )
            self._tokens -= 1
            self._spent += 1
        if allowance is not None:
            allowance.when_wasted(partial(self._charge, allowance.client))
        return max(0.0, wait)

    def _check_share(self, client: str, room: float, now: float) -> None:
        """Raise :class:`AllowanceSpent` if the client wasted more than all others have left.

        ``room`` is what is left of the burst.
        """
        of_day = self._per_day * (1 - KEPT_OF_DAY) - self._spent
        if self._wasted_of_day.of(client, now) >= of_day:
            raise AllowanceSpent(
                "the requests that are left of the day are kept for others: too many from here"
                " were for payments that are not valid"
            )
        if self._wasted_lately.of(client, now) > max(0.0, room):
            raise AllowanceSpent(
                "requests are kept for others: too many from here were for payments that are not"
                " valid"
            )

    def _charge(self, client: str) -> None:
        """Note that a request for the client was a waste."""
        with self._lock:
            for wasted in (self._wasted_of_day, self._wasted_lately):
                wasted.add(client, self._clock.time())

    def _refill(self, now: float) -> None:
        if now < self._filled_at:  # the clock was set back: nothing would fall until it is there
            self._wasted_lately.clear()
        gained = max(0.0, now - self._filled_at) * REQUESTS_PER_SECOND
        self._tokens = min(BURST, self._tokens + gained)
        self._filled_at = now
        if int(now // DAY) != self._day:
            self._day, self._spent = int(now // DAY), 0
            self._wasted_of_day.clear()


def _words(tier: Tier) -> str:
    """Return the plan's limits in words."""
    per_day = REQUESTS_PER_DAY[tier]
    a_day = "any number of" if math.isinf(per_day) else f"{per_day:,.0f}"
    return f"{tier}, {a_day} requests a day, {REQUESTS_PER_SECOND:g} a second"


def until_midnight(now: float) -> str:
    """Return the end of a sentence: the time at which the day ends."""
    minutes = math.ceil((DAY - now % DAY) / 60)
    return f"at midnight UTC, in {minutes // 60} h {minutes % 60:02} min"
