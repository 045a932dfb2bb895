"""Several providers of one network as one: the next is asked while the first cannot answer.

Each has a circuit breaker, so that one that is down costs a few time-outs and not one for each
thread. A single provider has one as well: without it, every thread would wait for its time-outs.
The price is that three failures in a row refuse for five seconds what might have been answered;
callers are told to retry, as they are of each failure. Only a devnet by itself goes without: there
is nothing remote to be spared.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from typing import TypeVar, cast

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.chain.breaker import Ticket
from facilitator.chain.member import Member
from facilitator.roles.chain import (
    AwaitsBlocks,
    Block,
    ChainProvider,
    ChainUnavailable,
    EvaluatesScripts,
    OutputStatus,
    Point,
    PointNotFound,
    ReadsLedgerState,
    SubmissionRejected,
    SubmissionUnknown,
    Tip,
    TransactionStatus,
)

IN_USE_SECONDS = 5.0
STANDBY_SECONDS = 60.0
"""How often a health check asks a provider for its tip at most; and for how long a standby's is
taken to be known when it steps in."""

Answer = TypeVar("Answer")

_log = logging.getLogger("facilitator.chain")


class _BelievedLater(ChainUnavailable):
    """An answer that comes of being behind: it proves that the provider is up, and no more."""


class FallbackChain:
    """Implements :class:`~facilitator.roles.chain.ChainProvider` over others, in their order.

    Make it by :func:`with_fallback`, which adds the optional capabilities.
    """

    def __init__(
        self,
        providers: Sequence[tuple[str, ChainProvider]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the providers by name, at least one; ``clock`` gives seconds that never go back."""
        self._members = [Member(name, provider, clock) for name, provider in providers]
        self._lock = threading.Lock()
        self._in_use: Member | None = self._members[0]
        self._used_last = self._members[0]
        self.network = self._members[0].provider.network
        self.is_devnet = self._members[0].provider.is_devnet

    @property
    def poll_seconds(self) -> float:
        """As the provider in use has it."""
        return self._used_last.provider.poll_seconds

    def tip(self) -> Tip:
        """The newest block. Raises :class:`ChainUnavailable`."""
        return self._ask(Member.tip)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """What is known of each output. Raises :class:`ChainUnavailable`."""
        return self._ask(lambda member: member.provider.outputs(refs))

    def submit(self, transaction: bytes) -> str:
        """Hand it to one provider after the other until one may have sent it.

        Raises :class:`SubmissionRejected`, :class:`SubmissionUnknown`, after which no other is
        tried, and a plain :class:`ChainUnavailable` when none has sent it.
        """
        return self._ask(lambda member: self._submit(member, transaction))

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Where the transaction is. Raises :class:`ChainUnavailable`."""
        return self._ask(lambda member: member.provider.transaction(transaction_id))

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Blocks that follow. Raises :class:`PointNotFound`, :class:`ChainUnavailable`."""
        return self._ask(lambda member: self._blocks_after(member, point))

    def parameters(self) -> ProtocolParameters:
        """The protocol parameters in force. Raises :class:`ChainUnavailable`."""
        return self._ask(lambda member: member.provider.parameters(), counts=False)

    def eras(self) -> EraSummary:
        """How slots and time relate. Raises :class:`ChainUnavailable`."""
        return self._ask(lambda member: member.provider.eras(), counts=False)

    def close(self) -> None:
        """Close every provider, whatever one of them raises."""
        with ExitStack() as stack:
            for member in self._members:
                stack.callback(member.provider.close)

    def health_checks(self) -> Mapping[str, Callable[[], None]]:
        """A check for each provider by what ``/health`` calls it; each raises when it is down."""
        if len(self._members) == 1:
            return {self.network: self._health_check(self._members[0])}
        first, *standbys = self._members
        return {
            f"{self.network} ({first.name})": self._health_check(first),
            **{
                f"{self.network} ({member.name}, standby)": self._health_check(member)
                for member in standbys
            },
        }

    # --- Asking one after the other ---------------------------------------------------------------

    def _ask(self, call: Callable[[Member], Answer], *, counts: bool = True) -> Answer:
        """The first answer. With ``counts`` false the call's outcome says nothing of the provider:
        it may come from what is kept, or be the caller's doing.
        """
        reasons = []
        for member in self._members:
            try:
                return self._ask_one(member, call, counts=counts)
            except SubmissionUnknown:
                raise
            except ChainUnavailable as error:
                if len(self._members) == 1:
                    raise
                _log.debug("%s: %s cannot answer: %s", self.network, member.name, error)
                reasons.append(f"{member.name}: {error}")
        raise ChainUnavailable("; ".join(reasons))

    def _ask_one(self, member: Member, call: Callable[[Member], Answer], *, counts: bool) -> Answer:
        ticket = self._admit(member)
        try:
            answer = call(member)
        except (SubmissionRejected, PointNotFound, _BelievedLater):
            self._succeeded(member, ticket)
            raise
        except Exception as error:
            if counts:
                self._failed(member, ticket, error)
            raise
        if counts:
            self._succeeded(member, ticket)
        return answer

    def _admit(self, member: Member) -> Ticket:
        """Leave to ask it. Raises :class:`ChainUnavailable`.

        A trial asks for the tip, and what was asked for comes after it: nobody's submission should
        be the one that finds out. A standby is not used while it is far behind.
        """
        ticket = member.breaker.admit()
        if ticket is not None and ticket.is_trial:
            self._look(member, ticket)
            ticket = member.breaker.admit()
        elif ticket is not None and member is not self._members[0]:
            with member.looking:
                if not member.breaker.is_open and not member.seen_within(STANDBY_SECONDS):
                    self._look(member, ticket)
            member.check_lag(self._others(member))
            ticket = member.breaker.admit()
        if ticket is None:
            raise ChainUnavailable(f"not asked for now, since {member.breaker.reason}")
        return ticket

    def _look(self, member: Member, ticket: Ticket) -> None:
        """Ask for its tip; in a trial it must not be far behind either."""
        try:
            member.tip()
            if ticket.is_trial:
                member.check_lag(self._others(member))
        except Exception as error:
            self._failed(member, ticket, error)
            raise
        self._succeeded(member, ticket)

    def _others(self, member: Member) -> list[Member]:
        return [other for other in self._members if other is not member]

    # --- Answers that come of being behind --------------------------------------------------------

    def _submit(self, member: Member, transaction: bytes) -> str:
        """A refusal by a standby is believed unless what it lacks may be in a block it has not."""
        try:
            return member.provider.submit(transaction)
        except SubmissionRejected as error:
            if member is self._members[0]:
                raise
            member.tip()
            lag = member.lag(self._others(member))
            if lag is None:
                raise
            raise _BelievedLater(f"refused it, but {lag}: {error}") from error

    def _blocks_after(self, member: Member, point: Point) -> Sequence[Block]:
        """A point that is not found beyond the tip may be another's, not one rolled back."""
        try:
            return member.provider.blocks_after(point)
        except PointNotFound:
            if len(self._members) == 1:
                raise
            lag = point.slot - member.tip().point.slot
            if lag <= 0:
                raise
            raise _BelievedLater(f"its tip lags {lag} slots behind what was followed") from None

    # --- Which one is in use ----------------------------------------------------------------------

    def _succeeded(self, member: Member, ticket: Ticket) -> None:
        if member.breaker.succeeded(ticket):
            self._choose("")

    def _failed(self, member: Member, ticket: Ticket, error: Exception) -> None:
        # Only these errors' texts are fit to be shown.
        told = isinstance(error, ChainUnavailable) and str(error)
        reason = told or type(error).__name__
        if member.breaker.failed(ticket, reason):
            self._choose(reason)

    def _choose(self, reason: str) -> None:
        """Note which provider is in use after a breaker opened or closed, and log a change."""
        with self._lock:
            before, last = self._in_use, self._used_last
            now = next((each for each in self._members if not each.breaker.is_open), None)
            self._in_use, self._used_last = now, now or last
            if now is before:
                return
            if now is None:
                _log.warning("%s: no provider answers; %s: %s", self.network, last.name, reason)
            elif now is last:
                _log.info("%s: %s answers again", self.network, now.name)
            elif self._members.index(now) > self._members.index(last):
                _log.warning(
                    "%s: switched from %s to %s: %s", self.network, last.name, now.name, reason
                )
            else:
                _log.info("%s: switched back from %s to %s", self.network, last.name, now.name)

    # --- Health -----------------------------------------------------------------------------------

    def _health_check(self, member: Member) -> Callable[[], None]:
        def check() -> None:
            with member.looking:
                period = IN_USE_SECONDS if member is self._used_last else STANDBY_SECONDS
                if member.breaker.is_open or not member.seen_within(period):
                    self._visit(member)
            member.check_lag(self._others(member))

        return check

    def _visit(self, member: Member) -> None:
        ticket = member.breaker.admit()
        if ticket is not None:
            self._look(member, ticket)
            return
        instead = self._in_use
        told = "" if instead is None else f"; {instead.name} is used instead"
        raise ChainUnavailable(f"{member.breaker.reason}{told}")


class _Awaiting(FallbackChain):
    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait with the provider in use: how long that takes says nothing of it."""
        return cast(AwaitsBlocks, self._used_last.provider).await_block(after, timeout)


class _ReadingState(FallbackChain):
    def ledger_state(self, query: StateQuery) -> LedgerState:
        """The facts asked for. Raises :class:`ChainUnavailable`."""
        return self._ask(lambda member: cast(ReadsLedgerState, member.provider).ledger_state(query))


class _Evaluating(FallbackChain):
    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        """The scripts that fail. Raises :class:`ChainUnavailable`.

        That one cannot tell may be due to the transaction, and must not keep others waiting.
        """
        return self._ask(
            lambda member: cast(EvaluatesScripts, member.provider).evaluate(transaction, utxo),
            counts=False,
        )


_CAPABILITIES: Mapping[type, type[FallbackChain]] = {
    AwaitsBlocks: _Awaiting,
    ReadsLedgerState: _ReadingState,
    EvaluatesScripts: _Evaluating,
}


def with_fallback(
    providers: Sequence[tuple[str, ChainProvider]], clock: Callable[[], float] = time.monotonic
) -> FallbackChain:
    """The providers by name as one, with the optional capabilities that all of them have."""
    shared = [
        kind
        for capability, kind in _CAPABILITIES.items()
        if all(isinstance(provider, capability) for _, provider in providers)
    ]
    chain: FallbackChain = type("FallbackChain", (*shared, FallbackChain), {})(providers, clock)
    return chain
