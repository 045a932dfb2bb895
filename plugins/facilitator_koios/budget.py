"""The limits of a tier of Koios, kept on this side, so that it does not shut this address out.

Koios lets an address ask an endpoint 100 times in 10 seconds; beyond that it refuses for a minute.
A plan may also limit the requests of a day.
"""

import math
import threading
from collections import defaultdict
from functools import partial

from facilitator.plugin import Allowance, AllowanceSpent, ChainUnavailable, Clock

BURST = 90.0
REQUESTS_PER_SECOND = BURST / 10
KEPT_BURST = 20.0
KEPT_OF_DAY = 0.05
"""The parts of burst and day that are kept for settlements under way: no verdict uses them up."""
LONGEST_WAIT = 1.0
"""Seconds that a request may wait for its turn."""
MAX_CLIENTS = 10_000

DAY = 86_400


class Budget:
    """Counts requests against the limits, those of this process only."""

    def __init__(self, per_day: float, clock: Clock) -> None:
        """Begin with a full burst and a whole day."""
        self._clock = clock
        self._per_day = per_day
        self._lock = threading.Lock()
        self._tokens = BURST
        self._filled_at = clock.time()
        self._day = int(self._filled_at // DAY)
        self._spent = 0
        self._wasted: defaultdict[str, int] = defaultdict(int)
        """The day's requests by client that were for payments that are not valid."""

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
                    f"the {self._per_day:,.0f} requests to Koios of a day are used up; there are"
                    f" new ones {until_midnight(now)}"
                )
            room = self._tokens
            if allowance is not None:
                room -= KEPT_BURST
                self._check_share(allowance.client)
            wait = (1 - room) / REQUESTS_PER_SECOND
            if wait > LONGEST_WAIT:
                kind = ChainUnavailable if allowance is None else AllowanceSpent
                raise kind(
                    f"more than {REQUESTS_PER_SECOND:g} requests a second to Koios; there is room"
                    f" again in {wait:.0f} s"
                )
            self._tokens -= 1
            self._spent += 1
        if allowance is not None:
            allowance.when_wasted(partial(self._charge, allowance.client))
        return max(0.0, wait)

    def _check_share(self, client: str) -> None:
        """Raise :class:`AllowanceSpent` if the client wasted more than all others have left."""
        left = self._per_day * (1 - KEPT_OF_DAY) - self._spent
        if self._wasted.get(client, 0) >= left:
            raise AllowanceSpent(
                "the requests that are left of the day are kept for others: too many from here"
                " were for payments that are not valid"
            )

    def _charge(self, client: str) -> None:
        """Note that a request for the client was a waste."""
        if math.isinf(self._per_day):
            return
        with self._lock:
            self._wasted[client] += 1
            if len(self._wasted) > MAX_CLIENTS:
                del self._wasted[min(self._wasted, key=self._wasted.__getitem__)]

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._filled_at) * REQUESTS_PER_SECOND
        self._tokens = min(BURST, self._tokens + gained)
        self._filled_at = now
        if int(now // DAY) != self._day:
            self._day, self._spent = int(now // DAY), 0
            self._wasted.clear()


def until_midnight(now: float) -> str:
    """Return the end of a sentence: the time at which the day ends."""
    minutes = math.ceil((DAY - now % DAY) / 60)
    return f"at midnight UTC, in {minutes // 60} h {minutes % 60:02} min"
