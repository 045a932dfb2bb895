"""Several providers of one network as one: the next is asked while the first cannot answer.

Each has a circuit breaker, so that one that is down costs a few time-outs and not one for each
thread. A single provider has one as well: the price is that after three failures in a row nothing
is asked for five seconds that might have been answered, which callers are told to retry.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import cast

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import Output, OutputRef
from facilitator.chain.failover.provider_pool import HealthEvidence, ProviderPool
from facilitator.chain.failover.provider_state import Lag, ProviderState
from facilitator.chain.stale_if_error import StaleIfErrorCache
from facilitator.observability.metrics import BREAKER_OPEN
from facilitator.roles.chain import (
    AwaitsBlocks,
    Block,
    ChainProvider,
    EvaluatesScripts,
    OutputStatus,
    Point,
    PointNotFound,
    ProviderBehind,
    ReadsLedgerState,
    Spent,
    SubmissionRejected,
    Tip,
    TransactionStatus,
    Unknown,
)
from facilitator.roles.health import HealthCheck
from facilitator.roles.metrics import Meter


class FailoverChain:
    """Implements :class:`~facilitator.roles.chain.ChainProvider` over others, in their order.

    Make it by :func:`build_failover_chain`, which adds the optional capabilities.
    """

    def __init__(self, pool: ProviderPool) -> None:
        """Take the providers."""
        self._pool = pool
        self.network = pool.network
        self.is_devnet = pool.first.provider.is_devnet
        self._parameters: StaleIfErrorCache[ProtocolParameters] = StaleIfErrorCache(time.monotonic)
        self._eras: StaleIfErrorCache[EraSummary] = StaleIfErrorCache(time.monotonic)

    @property
    def poll_seconds(self) -> float:
        """As the provider in use has it."""
        return self._pool.in_use.provider.poll_seconds

    def tip(self) -> Tip:
        """Return the newest block. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(ProviderState.tip)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """What is known of each output. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(lambda member: self._outputs(member, refs))

    def submit(self, transaction: bytes) -> str:
        """Hand it to one provider after the other until one may have sent it.

        Raises :class:`SubmissionRejected`, :class:`SubmissionUnknown`, after which no other is
        tried, and a plain :class:`ChainUnavailable` when none has sent it.
        """
        return self._pool.ask(lambda member: self._submit(member, transaction))

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Where the transaction is. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(lambda member: member.provider.transaction(transaction_id))

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Blocks that follow. Raises :class:`PointNotFound`, :class:`ChainUnavailable`."""
        return self._pool.ask(lambda member: self._blocks_after(member, point))

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force. Raises :class:`ChainUnavailable`."""
        return self._parameters.keep(
            lambda: self._pool.ask(lambda member: member.provider.parameters(), HealthEvidence.DOWN)
        )

    def eras(self) -> EraSummary:
        """How slots and time relate. Raises :class:`ChainUnavailable`."""
        return self._eras.keep(
            lambda: self._pool.ask(lambda member: member.provider.eras(), HealthEvidence.DOWN)
        )

    def close(self) -> None:
        """Close every provider, whatever one of them raises."""
        with ExitStack() as stack:
            for member in self._pool.members:
                stack.callback(member.provider.close)

    def health_checks(self) -> Mapping[str, HealthCheck]:
        """A check for each provider by what ``/health`` calls it; each raises when it is down."""
        pool = self._pool
        first, *standbys = pool.members
        if not standbys:
            return {self.network: partial(pool.check, first)}
        names = {f"{self.network} ({first.name})": first}
        names |= {f"{self.network} ({member.name}, standby)": member for member in standbys}
        return {name: partial(pool.check, member) for name, member in names.items()}

    def measure(self, meter: Meter) -> None:
        """Have the meter show which providers are not asked for now."""
        for member in self._pool.members:
            meter.gauge(
                BREAKER_OPEN,
                partial(_is_open, member),
                network=self.network,
                provider=member.name,
            )

    # --- Answers that come of being behind --------------------------------------------------------

    # What a standby says is missing may be in a block that it does not have yet and another had.

    def _lag(self, member: ProviderState) -> Lag | None:
        """How far a standby is behind the others, when last looked at."""
        pool = self._pool
        return None if member is pool.first else member.lag(pool.others(member))

    def _outputs(
        self, member: ProviderState, refs: Collection[OutputRef]
    ) -> Mapping[OutputRef, OutputStatus]:
        lag = self._lag(member)
        found = member.provider.outputs(refs)
        if lag is None:
            return found
        return {
            ref: Unknown(f"{member.name} has no such output, but {lag}")
            if status == Spent()
            else status
            for ref, status in found.items()
        }

    def _submit(self, member: ProviderState, transaction: bytes) -> str:
        lag = self._lag(member)
        try:
            return member.provider.submit(transaction)
        except SubmissionRejected as error:
            if lag is None:
                raise
            raise ProviderBehind(f"refused it, but {lag}: {error}") from error

    def _blocks_after(self, member: ProviderState, point: Point) -> Sequence[Block]:
        """Return a point that is not found beyond the tip may be another's, not one rolled back."""
        try:
            return member.blocks_after(point)
        except PointNotFound:
            if len(self._pool.members) == 1:
                raise
            lag = point.slot - member.tip().point.slot
            if lag <= 0:
                raise
            raise ProviderBehind(f"its tip lags {lag} slots behind what was followed") from None


def _is_open(member: ProviderState) -> float:
    return float(member.breaker.is_open)


class _Awaiting(FailoverChain):
    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait with the provider in use: how long that takes says nothing of it."""
        return cast(AwaitsBlocks, self._pool.in_use.provider).await_block(after, timeout)


class _ReadingState(FailoverChain):
    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the facts asked for. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(lambda member: self._state(member, query))

    def _state(self, member: ProviderState, query: StateQuery) -> LedgerState:
        if lag := self._lag(member):
            raise ProviderBehind(str(lag))
        return cast(ReadsLedgerState, member.provider).ledger_state(query)


class _Evaluating(FailoverChain):
    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail. Raises :class:`ChainUnavailable`.

        That one cannot tell may be due to the transaction, and must not keep others waiting.
        """
        return self._pool.ask(
            lambda member: cast(EvaluatesScripts, member.provider).evaluate(transaction, utxo),
            HealthEvidence.UP,
        )


_CAPABILITIES: Mapping[type, type[FailoverChain]] = {
    AwaitsBlocks: _Awaiting,
    ReadsLedgerState: _ReadingState,
    EvaluatesScripts: _Evaluating,
}


def build_failover_chain(
    providers: Sequence[tuple[str, ChainProvider]], clock: Callable[[], float] = time.monotonic
) -> FailoverChain:
    """Return the providers by name as one, with the optional capabilities that all of them have."""
    shared = [
        kind
        for capability, kind in _CAPABILITIES.items()
        if all(isinstance(provider, capability) for _, provider in providers)
    ]
    chain: FailoverChain = type("FailoverChain", (*shared, FailoverChain), {})(
        ProviderPool(providers, clock)
    )
    return chain
