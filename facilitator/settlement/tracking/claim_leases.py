"""The end of leases on claims, whichever machine's clock has written it."""

from facilitator.chain.lease_watch import LeaseWatch
from facilitator.clock import Clock
from facilitator.roles.claim import Claim


class ClaimLeases:
    """The leases on the claims of one network. Safe to use from many threads.

    A process that was killed while its clock was ahead leaves leases that seem to last for long. To
    end a lease too early is harmless: the change of owner is a compare-and-set on the claim, and
    the former owner finds that it is one no longer before it sends anything.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        """Take the length of a lease."""
        self._clock = clock
        self._seconds = seconds
        self._watch = LeaseWatch(seconds)

    @property
    def seconds(self) -> float:
        """The length of a lease."""
        return self._seconds

    def is_over(self, claim: Claim) -> bool:
        """Return True if the lease has ended by this clock, or the claim stood for its length.

        The claim is one that was just read. The first may be wrong since another machine wrote the
        time; the second is what this process saw.
        """
        if claim.lease_until <= self._clock.time():
            return True
        return self._watch.is_over((claim.transaction_id, claim.version, claim.nonce))

    def seconds_left(self, claim: Claim) -> float:
        """Return the time that is left of the lease, which is never more than its length."""
        if self.is_over(claim):
            return 0.0
        return min(claim.lease_until - self._clock.time(), self._seconds)
