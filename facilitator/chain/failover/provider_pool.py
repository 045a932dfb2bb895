"""Providers of one network in the order in which they are asked, and which of them is in use."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from enum import Flag, auto
from typing import TypeVar

from facilitator.chain.failover.circuit_breaker import Ticket
from facilitator.chain.failover.provider_state import ProviderState
from facilitator.roles.chain import (
    ChainProvider,
    ChainUnavailable,
    PointNotFound,
    ProviderBehind,
    SubmissionRejected,
    SubmissionUnknown,
)

IN_USE_SECONDS = 5.0
STANDBY_SECONDS = 60.0
"""How often a health check asks a provider for its tip at most; and for how long a standby's is
taken to be known when it steps in."""

Answer = TypeVar("Answer")

_log = logging.getLogger("facilitator.chain")


class HealthEvidence(Flag):
    """What the outcome of a call tells of the provider."""

    UP = auto()
    """An answer, that it is up; it does not when the answer may come from what is kept."""
    DOWN = auto()
    """A failure, that it is down; it does not when it may be due to what was asked."""
    ALL = UP | DOWN


class ProviderPool:
    """One member is in use: the first whose breaker is closed. The others stand by."""

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
        """The member in use; the last one that was while no breaker is closed."""
        return self._used_last

    def ask(
        self, call: Callable[[ProviderState], Answer], tells: HealthEvidence = HealthEvidence.ALL
    ) -> Answer:
        """Return the first answer; ``tells`` is what the call's outcome tells of a provider."""
        reasons = []
        for member in self.members:
            try:
                return self._ask_one(member, call, tells)
            except SubmissionUnknown:
                raise
            except ChainUnavailable as error:
                if len(self.members) == 1:
                    raise
                _log.debug("%s: %s cannot answer: %s", self.network, member.name, error)
                reasons.append(f"{member.name}: {error}")
        raise ChainUnavailable("; ".join(reasons))

    def _ask_one(
        self, member: ProviderState, call: Callable[[ProviderState], Answer], tells: HealthEvidence
    ) -> Answer:
        ticket = self._admit(member)
        try:
            answer = call(member)
        except (SubmissionRejected, PointNotFound, ProviderBehind):
            self._succeeded(member, ticket)
            raise
        except Exception as error:
            if HealthEvidence.DOWN in tells:
                self._failed(member, ticket, error)
            raise
        if HealthEvidence.UP in tells:
            self._succeeded(member, ticket)
        return answer

    def _admit(self, member: ProviderState) -> Ticket:
        """Leave to ask it. Raises :class:`ChainUnavailable`.

        A trial asks for the tip, and what was asked for comes after it: nobody's submission should
        be the one that finds out. A standby is not used while it is far behind.
        """
        ticket = member.breaker.admit()
        if ticket is not None and ticket.is_trial:
            self._look(member, ticket)
            ticket = member.breaker.admit()
        elif ticket is not None and member is not self.first:
            self._examine(member, ticket)
            ticket = member.breaker.admit()
        if ticket is None:
            raise ChainUnavailable(f"not asked for now: {member.breaker.reason}")
        return ticket

    def _examine(self, member: ProviderState, ticket: Ticket) -> None:
        """Raise :class:`ChainUnavailable` unless the standby is known not to be far behind."""
        is_behind = member.lag(self.others(member)) is not None
        period = IN_USE_SECONDS if is_behind else STANDBY_SECONDS
        if not member.seen_within(period):
            with member.looking:  # by then it may have been seen, or be given up
                if not member.breaker.is_open and not member.seen_within(period):
                    self._look(member, ticket)
        member.check_lag(self.others(member))

    def _look(self, member: ProviderState, ticket: Ticket) -> None:
        """Ask for its tip; in a trial it must have caught up with the others as well."""
        try:
            member.tip()
            if ticket.is_trial:
                member.check_lag(self.others(member), at_most=0)
        except Exception as error:
            self._failed(member, ticket, error)
            raise
        self._succeeded(member, ticket)

    def others(self, member: ProviderState) -> list[ProviderState]:
        """Return all but that one."""
        return [other for other in self.members if other is not member]

    # --- Which one is in use ----------------------------------------------------------------------

    def _succeeded(self, member: ProviderState, ticket: Ticket) -> None:
        if member.breaker.succeeded(ticket):
            self._choose()

    def _failed(self, member: ProviderState, ticket: Ticket, error: Exception) -> None:
        # Only these errors' texts are fit to be shown.
        told = isinstance(error, ChainUnavailable) and str(error)
        if member.breaker.failed(ticket, told or type(error).__name__):
            self._choose()

    def _choose(self) -> None:
        """Note which provider is in use after a breaker opened or closed, and log a change."""
        with self._lock:
            before, last = self._in_use, self._used_last
            now = next((each for each in self.members if not each.breaker.is_open), None)
            self._in_use, self._used_last = now, now or last
            if now is before:
                return
            network, reason = self.network, last.breaker.reason
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
        """Return the seconds that the member took when its tip was asked for last.

        Raises :class:`ChainUnavailable` when it is down or far behind another.
        """
        with member.looking:
            is_close = member is self._used_last or member.lags
            period = IN_USE_SECONDS if is_close else STANDBY_SECONDS
            if member.breaker.is_open or not member.seen_within(period):
                self._visit(member)
        member.check_lag(self.others(member))
        return member.tip_seconds

    def _visit(self, member: ProviderState) -> None:
        ticket = member.breaker.admit()
        if ticket is not None:
            self._look(member, ticket)
            return
        instead = self._in_use
        told = "" if instead is None else f"; {instead.name} is used instead"
        raise ChainUnavailable(f"{member.breaker.reason}{told}")
