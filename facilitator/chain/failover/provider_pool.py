"""The providers of one network in the order in which they are asked, and the one in use."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Flag, auto
from typing import TypeVar

from facilitator.chain.failover.circuit_breaker import Permit
from facilitator.chain.failover.provider_state import ProviderState
from facilitator.errors import one_line
from facilitator.roles.allowance import (
    AllowanceSpent,
    AllowanceUsedUp,
    allowing,
    current_allowance,
)
from facilitator.roles.chain import ChainProvider, NamesNetwork
from facilitator.roles.chain_errors import (
    ChainUnavailable,
    NotFoundSince,
    PointNotFound,
    ProviderBehind,
    SubmissionRejected,
    SubmissionUnknown,
)

IN_USE_SECONDS = 5.0
STANDBY_SECONDS = 60.0
"""Minimum seconds between two health checks that ask a provider for its tip.

A standby that steps in is asked again if its tip is older.
"""

Answer = TypeVar("Answer")

_log = logging.getLogger("facilitator.chain")


class HealthEvidence(Flag):
    """Conclusions about the provider's health that the outcome of a call allows."""

    UP = auto()
    """An answer shows that it is up. Left out if the answer may come from a cache."""
    DOWN = auto()
    """A failure shows that it is down. Left out if the arguments may be the cause."""
    ALL = UP | DOWN


class ProviderPool:
    """The providers of a network. The first member whose breaker is closed is in use.

    The others stand by. Safe to use from many threads.
    """

    def __init__(
        self,
        providers: Sequence[tuple[str, ChainProvider]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the providers by name, at least one; ``clock`` gives seconds that never go back."""
        self.members = [ProviderState(name, provider, clock) for name, provider in providers]
        self.first = self.members[0]
        self.network = self.first.provider.network
        self._lock = threading.Lock()
        self._in_use: ProviderState | None = self.first
        self._used_last = self.first

    @property
    def in_use(self) -> ProviderState:
        """The member in use; while no breaker is closed, the one that was in use last."""
        return self._used_last

    def ask(
        self,
        call: Callable[[ProviderState], Answer],
        evidence: HealthEvidence = HealthEvidence.ALL,
        among: Sequence[ProviderState] | None = None,
    ) -> Answer:
        """Return the first member's answer to ``call``, else the next one's.

        ``evidence`` is what its outcome shows of a member. ``among`` are the members to ask, if not
        all can answer such a call. Raises :class:`ChainUnavailable` if no
        member answers, of the kind :class:`NotFoundSince` if one has searched its blocks, and
        :class:`SubmissionUnknown` or :class:`AllowanceUsedUp` at once.
        """
        reasons = []
        searched: NotFoundSince | None = None
        members = self.members if among is None else among
        for number, member in enumerate(members):
            try:
                with _part_of_time(len(members) - number):
                    return self._ask_one(member, call, evidence)
            except SubmissionUnknown:
                raise
            except ChainUnavailable as error:
                if len(self.members) == 1 or isinstance(error, AllowanceUsedUp):
                    raise
                _log.debug("%s: %s cannot answer: %s", self.network, member.name, error)
                reasons.append(f"{member.name}: {error}")
                if isinstance(error, NotFoundSince):
                    searched = searched or error
        if searched is not None:
            raise searched
        raise ChainUnavailable("; ".join(reasons))

    def _ask_one(
        self,
        member: ProviderState,
        call: Callable[[ProviderState], Answer],
        evidence: HealthEvidence,
    ) -> Answer:
        permit = self._acquire(member)
        try:
            answer = call(member)
        except PointNotFound:
            # A rollback; or the name now leads to a server of another network.
            member.proof.doubt()
            self._succeeded(member, permit)
            raise
        except (SubmissionRejected, ProviderBehind, NotFoundSince):
            self._succeeded(member, permit)
            raise
        except AllowanceSpent:
            raise  # the payment is the cause, not the member
        except Exception as error:
            if HealthEvidence.DOWN in evidence:
                self._failed(member, permit, error)
            raise
        if HealthEvidence.UP in evidence:
            self._succeeded(member, permit)
        return answer

    def _acquire(self, member: ProviderState) -> Permit:
        """Return a permit to call the member. Raises :class:`ChainUnavailable`.

        A trial asks for the tip, and the call comes after it: no submission should be the trial.
        A standby is not used while it is far behind, and none before it is proved to be of the
        network.
        """
        permit = member.breaker.acquire()
        if permit is not None and permit.is_trial:
            self._check_tip(member, permit)
            permit = member.breaker.acquire()
        elif permit is not None and member is not self.first:
            self._check_standby(member, permit)
            permit = member.breaker.acquire()
        if permit is not None and not member.proof.is_there:
            self._prove(member, permit)
            permit = member.breaker.acquire()
        if permit is None:
            raise ChainUnavailable(f"not asked for now: {member.breaker.reason}")
        return permit

    def _check_standby(self, member: ProviderState, permit: Permit) -> None:
        """Raise :class:`ChainUnavailable` if the standby is far behind, asking it if need be."""
        is_behind = member.lag(self.others(member)) is not None
        period = IN_USE_SECONDS if is_behind else STANDBY_SECONDS
        if not member.seen_within(period):
            with member.tip_lock:  # another thread may have asked it, or opened the breaker
                if not member.breaker.is_open and not member.seen_within(period):
                    self._check_tip(member, permit)
        member.check_lag(self.others(member))

    def _check_tip(self, member: ProviderState, permit: Permit) -> None:
        """Ask the member for its tip. In a trial, it must have caught up with the others too."""
        try:
            with allowing(None):
                member.proof.give()
                member.tip()
            if permit.is_trial:
                member.check_lag(self.others(member), at_most=0)
        except Exception as error:
            self._failed(member, permit, error)
            raise
        self._succeeded(member, permit)

    def prove(self, member: ProviderState) -> None:
        """Have the member proved before its first use, or just asked.

        Raises :class:`ChainUnavailable`.
        """
        permit = member.breaker.acquire()
        if permit is None:
            raise ChainUnavailable(member.breaker.reason)
        if isinstance(member.provider, NamesNetwork):
            self._prove(member, permit)
        else:
            self._check_tip(member, permit)

    def _prove(self, member: ProviderState, permit: Permit) -> None:
        try:
            with allowing(None):
                member.proof.give()
        except Exception as error:
            self._failed(member, permit, error)
            raise
        self._succeeded(member, permit)

    def others(self, member: ProviderState) -> list[ProviderState]:
        """Return all members but this one."""
        return [other for other in self.members if other is not member]

    # --- The member in use ------------------------------------------------------------------------

    def _succeeded(self, member: ProviderState, permit: Permit) -> None:
        if member.breaker.succeeded(permit):
            self._select_in_use()

    def _failed(self, member: ProviderState, permit: Permit, error: Exception) -> None:
        # Only these errors' texts are fit to be shown.
        public, member.failure = type(error).__name__, one_line(error)
        if isinstance(error, ChainUnavailable):
            public, member.failure = str(error), error.detail
        if member.breaker.failed(permit, public):
            member.proof.doubt()
            self._select_in_use()

    def _select_in_use(self) -> None:
        """Select the member in use after a breaker opened or closed, and log a change."""
        with self._lock:
            before, last = self._in_use, self._used_last
            now = next((each for each in self.members if not each.breaker.is_open), None)
            self._in_use, self._used_last = now, now or last
            if now is before:
                return
            network, reason = self.network, last.failure
            if now is None:
                _log.warning("%s: no provider answers; %s: %s", network, last.name, reason)
            elif now is last:
                _log.info("%s: %s answers again", network, now.name)
            elif self.members.index(now) > self.members.index(last):
                _log.warning("%s: switched from %s to %s: %s", network, last.name, now.name, reason)
            else:
                _log.info("%s: switched back from %s to %s", network, last.name, now.name)

    # --- Health -----------------------------------------------------------------------------------

    def check(self, member: ProviderState) -> float:
        """Return the seconds that the member's last successful tip took.

        Raises :class:`ChainUnavailable` if it is down, far behind another, or looks no outputs up.
        """
        with member.tip_lock:
            is_close = member is self._used_last or member.is_lagging
            period = IN_USE_SECONDS if is_close else STANDBY_SECONDS
            if member.breaker.is_open or not member.seen_within(period):
                self._refresh(member)
        member.check_lag(self.others(member))
        member.lookups.check()
        return member.tip_seconds

    def _refresh(self, member: ProviderState) -> None:
        permit = member.breaker.acquire()
        if permit is not None:
            self._check_tip(member, permit)
            return
        instead = self._in_use
        note = "" if instead is None else f"; {instead.name} is used instead"
        raise ChainUnavailable(f"{member.breaker.reason}{note}")


def _part_of_time(members: int) -> AbstractContextManager[None]:
    """Leave to the next of so many members its part of the time for a payment, if that has one."""
    allowance = current_allowance() if members > 1 else None
    return nullcontext() if allowance is None else allowance.sharing_time(members)
