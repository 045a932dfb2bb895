"""Several providers of one network as one: the next is asked while the first cannot answer.

Each has a circuit breaker, so that a provider that is down costs a few time-outs and not one for
each thread. A single provider has one as well. The price: after three failures in a row nothing is
asked for five seconds, though it might have been answered. Callers get a retryable error then.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import cast

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.refusals import Proof
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.slots import EraSummary
from facilitator.cardano.state import LedgerState, StateQuery
from facilitator.cardano.transaction import AssetId, Output, OutputRef
from facilitator.chain.failover.provider_pool import HealthEvidence, ProviderPool
from facilitator.chain.failover.provider_state import Lag, ProviderState
from facilitator.chain.failover.state_facts import merge, missing
from facilitator.chain.stale_if_error import StaleIfErrorCache
from facilitator.observability.metrics import BREAKER_OPEN
from facilitator.roles.allowance import AllowanceSpent
from facilitator.roles.chain import (
    AssetState,
    AwaitsBlocks,
    Block,
    ChainProvider,
    EvaluatesScripts,
    FindsTransactions,
    ListsOutputs,
    OutputStatus,
    Point,
    ReadsAssets,
    ReadsLedgerState,
    Spent,
    Tip,
    TransactionStatus,
    Unknown,
)
from facilitator.roles.chain_errors import (
    ChainUnavailable,
    PointNotFound,
    ProviderBehind,
    SubmissionRejected,
)
from facilitator.roles.chain_spenders import FindsSpenders, Spender
from facilitator.roles.health import HealthCheck
from facilitator.roles.metrics import Meter

_LATELY_SECONDS = 60.0


class FailoverChain:
    """A :class:`~facilitator.roles.chain.ChainProvider` over others, asked in their order.

    Only :func:`build_failover_chain` makes one with the optional capabilities.
    """

    def __init__(self, pool: ProviderPool) -> None:
        """Take the providers, at least one, as a pool."""
        self._pool = pool
        self.network = pool.network
        self.is_devnet = pool.first.provider.is_devnet
        down, monotonic = HealthEvidence.DOWN, time.monotonic
        self._parameters = StaleIfErrorCache(partial(pool.ask, _parameters, down), monotonic)
        self._eras = StaleIfErrorCache(partial(pool.ask, _eras, down), monotonic)

    @property
    def poll_seconds(self) -> float:
        """The ``poll_seconds`` of the provider in use."""
        return self._pool.in_use.provider.poll_seconds

    def tip(self) -> Tip:
        """Return the newest block. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(ProviderState.tip)

    def outputs(self, refs: Collection[OutputRef]) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(lambda member: self._outputs(member, refs))

    def submit(self, transaction: bytes) -> str:
        """Hand the transaction to one provider after the other until one may have sent it.

        Raises :class:`SubmissionRejected` or :class:`SubmissionUnknown`, after which no other
        provider is tried, or a plain :class:`ChainUnavailable` if none has sent it.
        """
        return self._pool.ask(lambda member: self._submit(member, transaction))

    def transaction(self, transaction_id: str) -> TransactionStatus:
        """Return the status of the transaction. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(lambda member: member.provider.transaction(transaction_id))

    def blocks_after(self, point: Point) -> Sequence[Block]:
        """Return later blocks. Raises :class:`PointNotFound`, :class:`ChainUnavailable`."""
        return self._pool.ask(lambda member: self._blocks_after(member, point))

    def parameters(self) -> ProtocolParameters:
        """Return the protocol parameters in force. Raises :class:`ChainUnavailable`."""
        return self._parameters.get()

    def eras(self) -> EraSummary:
        """Return the eras, which relate slots to time. Raises :class:`ChainUnavailable`."""
        return self._eras.get()

    def close(self) -> None:
        """Close every provider, even if one of them raises."""
        with ExitStack() as stack:
            for member in self._pool.members:
                stack.callback(member.provider.close)

    def newest_slot(self) -> int | None:
        """Return the slot of the newest tip that a provider has given within the last minute."""
        seen = (each.slot_seen_within(_LATELY_SECONDS) for each in self._pool.members)
        return max((slot for slot in seen if slot is not None), default=None)

    def health_checks(self) -> Mapping[str, HealthCheck]:
        """Return each provider's check by its name in ``/health``; it raises if that is down."""
        pool = self._pool
        first, *standbys = pool.members
        if not standbys:
            return {self.network: partial(pool.check, first)}
        names = {f"{self.network} ({first.name})": first}
        names |= {f"{self.network} ({member.name}, standby)": member for member in standbys}
        return {name: partial(pool.check, member) for name, member in names.items()}

    def proofs(self) -> Mapping[str, Callable[[], None]]:
        """Return by provider's name the call that proves it fit for use before its first use."""
        return {each.name: partial(self._pool.prove, each) for each in self._pool.members}

    def measure(self, meter: Meter) -> None:
        """Have the meter show if the breaker of each provider is open."""
        for member in self._pool.members:
            meter.gauge(
                BREAKER_OPEN,
                partial(_is_open, member),
                network=self.network,
                provider=member.name,
            )

    # --- Answers of a provider that is behind -----------------------------------------------------

    # An output that a standby lacks may be in a block that another has and it does not have yet.

    def _lag(
        self, member: ProviderState, among: Sequence[ProviderState] | None = None
    ) -> Lag | None:
        """Return how far a standby was behind the others when last seen; ``None`` for the first.

        The first is that of ``among``, if not all members can be asked.
        """
        first = self._pool.first if among is None else among[0]
        return None if member is first else member.lag(self._pool.others(member))

    def _able(self, capability: type) -> Sequence[ProviderState]:
        """Return the members whose providers have the optional capability."""
        return [each for each in self._pool.members if isinstance(each.provider, capability)]

    def _outputs(
        self, member: ProviderState, refs: Collection[OutputRef]
    ) -> Mapping[OutputRef, OutputStatus]:
        lag = self._lag(member)
        found = member.outputs(refs)
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
            if lag is None or error.proves is Proof.NOTHING:
                raise
            raise ProviderBehind(f"refused it, but {lag}: {error}") from error

    def _blocks_after(self, member: ProviderState, point: Point) -> Sequence[Block]:
        """Return later blocks; a point beyond the tip may be another's, not one rolled back."""
        try:
            return member.blocks_after(point)
        except PointNotFound:
            if len(self._pool.members) == 1:
                raise
            lag = point.slot - member.tip().point.slot
            if lag <= 0:
                raise
            raise ProviderBehind(f"its tip lags {lag} slots behind what was followed") from None


def _parameters(member: ProviderState) -> ProtocolParameters:
    return member.provider.parameters()


def _eras(member: ProviderState) -> EraSummary:
    return member.provider.eras()


def _is_open(member: ProviderState) -> float:
    return float(member.breaker.is_open)


class _Awaiting(FailoverChain):
    def await_block(self, after: Point, timeout: float) -> bool:
        """Wait with the provider in use. The duration is no evidence of its health."""
        return cast(AwaitsBlocks, self._pool.in_use.provider).await_block(after, timeout)


class _ReadingState(FailoverChain):
    def ledger_state(self, query: StateQuery) -> LedgerState:
        """Return the facts asked for. Raises :class:`ChainUnavailable`.

        The next provider is asked for those that one does not know.
        """
        state, able = LedgerState(), self._able(ReadsLedgerState)
        while able and (left := missing(query, state)):
            ask = partial(self._state, among=able, query=left)
            answered, found = self._pool.ask(ask, among=able)
            state, able = merge(state, found), able[able.index(answered) + 1 :]
        return state

    def _state(
        self, member: ProviderState, among: Sequence[ProviderState], query: StateQuery
    ) -> tuple[ProviderState, LedgerState]:
        if lag := self._lag(member, among):
            raise ProviderBehind(str(lag))
        return member, cast(ReadsLedgerState, member.provider).ledger_state(query)


class _ReadingAssets(FailoverChain):
    def asset(self, asset: AssetId) -> AssetState | Unknown:
        """Return the asset's state. Raises :class:`ChainUnavailable`."""
        able = self._able(ReadsAssets)
        return self._pool.ask(partial(self._asset, among=able, asset=asset), among=able)

    def _asset(
        self, member: ProviderState, among: Sequence[ProviderState], asset: AssetId
    ) -> AssetState | Unknown:
        if lag := self._lag(member, among):
            raise ProviderBehind(str(lag))
        return cast(ReadsAssets, member.provider).asset(asset)


class _FindingSpenders(FailoverChain):
    def spender(self, ref: OutputRef) -> Spender:
        """Return who spent the output. Raises :class:`ChainUnavailable`.

        The next provider is asked for what one does not know.
        """
        unknown: Unknown | None = None
        able = left = self._able(FindsSpenders)
        while left:
            ask = partial(self._spender, among=able, ref=ref)
            try:
                answered, found = self._pool.ask(ask, among=left)
            except AllowanceSpent:
                raise
            except ChainUnavailable:
                if unknown is None:
                    raise
                break
            if not isinstance(found, Unknown):
                return found
            unknown, left = unknown or found, left[left.index(answered) + 1 :]
        return unknown or Unknown("no provider finds spenders")

    def _spender(
        self, member: ProviderState, among: Sequence[ProviderState], ref: OutputRef
    ) -> tuple[ProviderState, Spender]:
        if lag := self._lag(member, among):
            raise ProviderBehind(str(lag))
        return member, cast(FindsSpenders, member.provider).spender(ref)


class _Finding(FailoverChain):
    def transactions(self, transaction_ids: Collection[str]) -> Mapping[str, TransactionStatus]:
        """Return the status of each transaction. Raises :class:`ChainUnavailable`."""
        return self._pool.ask(
            lambda member: cast(FindsTransactions, member.provider).transactions(transaction_ids)
        )


class _Listing(FailoverChain):
    def outputs_at(self, address: bytes) -> Mapping[OutputRef, Output]:
        """Return unspent outputs at the address. Raises :class:`ChainUnavailable`."""
        able = self._able(ListsOutputs)
        return self._pool.ask(partial(self._outputs_at, among=able, address=address), among=able)

    def _outputs_at(
        self, member: ProviderState, among: Sequence[ProviderState], address: bytes
    ) -> Mapping[OutputRef, Output]:
        if lag := self._lag(member, among):
            raise ProviderBehind(str(lag))
        return cast(ListsOutputs, member.provider).outputs_at(address)


class _Evaluating(FailoverChain):
    def evaluate(
        self, transaction: bytes, utxo: Mapping[OutputRef, Output]
    ) -> Sequence[ScriptFailure]:
        """Return the scripts that fail. Raises :class:`ChainUnavailable`.

        The transaction may be the cause of a failure, which must not open the breaker for others.
        """
        return self._pool.ask(
            lambda member: cast(EvaluatesScripts, member.provider).evaluate(transaction, utxo),
            HealthEvidence.UP,
            among=self._able(EvaluatesScripts),
        )


_CAPABILITIES: Mapping[type, type[FailoverChain]] = {
    AwaitsBlocks: _Awaiting,
    ReadsLedgerState: _ReadingState,
    ReadsAssets: _ReadingAssets,
    EvaluatesScripts: _Evaluating,
    FindsTransactions: _Finding,
    FindsSpenders: _FindingSpenders,
    ListsOutputs: _Listing,
}


def build_failover_chain(
    providers: Sequence[tuple[str, ChainProvider]], clock: Callable[[], float] = time.monotonic
) -> FailoverChain:
    """Return the named providers as one, with the optional capabilities of any of them.

    Only if all can await blocks, it does: otherwise each of them is polled.
    """
    shared = [
        kind
        for capability, kind in _CAPABILITIES.items()
        if (all if capability is AwaitsBlocks else any)(
            isinstance(provider, capability) for _, provider in providers
        )
    ]
    chain: FailoverChain = type("FailoverChain", (*shared, FailoverChain), {})(
        ProviderPool(providers, clock)
    )
    return chain
