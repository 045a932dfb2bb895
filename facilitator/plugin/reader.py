"""Read access of plugins to claims and chains. Nothing here changes anything."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeAlias

from facilitator.cardano.transaction import AssetId, OutputRef
from facilitator.errors import PluginError
from facilitator.roles.chain import (
    AssetState,
    ChainProvider,
    OutputStatus,
    ReadsAssets,
    Tip,
    TransactionStatus,
    Unknown,
)
from facilitator.roles.claim import Claim
from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.storage import Storage

ReportOnClaim: TypeAlias = Callable[[Claim], Mapping[str, Any]]
"""A function that makes the report of ``inspect`` on a claim's transaction."""


class OpensAllowance(Protocol):
    """A function that limits what a ``with`` block may ask of a chain, for the client of a name."""

    def __call__(self, client: str) -> AbstractContextManager[None]:
        """Open the allowance."""
        ...


class Reader:
    """The claims and the chains of this facilitator, from the hook ``startup`` on.

    Safe to use from many threads. Questions about a chain may cost calls of its provider's plan.
    Those that a transfer method asks about a payment count as the payment's. All others count as
    one client's.
    """

    CLIENT = "/plugins"
    """The client in whose name plugins ask."""

    def __init__(self) -> None:
        """Wait for :meth:`connect`."""
        self._storage: Storage | None = None
        self._chains: Mapping[str, ChainProvider] = {}
        self._open: OpensAllowance = lambda _: nullcontext()
        self._ledger: PaymentLedger | None = None
        self._report: ReportOnClaim | None = None

    def connect(
        self,
        storage: Storage | None,
        chains: Mapping[str, ChainProvider],
        allowance: OpensAllowance = lambda _: nullcontext(),
        ledger: PaymentLedger | None = None,
        report: ReportOnClaim | None = None,
    ) -> None:
        """Read from these; chains come by the canonical id of their network.

        A command that keeps no claims has no storage, and commands have no reports.
        """
        self._storage, self._chains, self._open = storage, chains, allowance
        self._ledger, self._report = ledger, report

    @property
    def ledger(self) -> PaymentLedger | None:
        """The payment ledger, to read from; ``None`` where there is none."""
        return self._ledger

    def claim(self, transaction_id: str) -> Claim | None:
        """Return the claim on the transaction (lowercase hex), if there is one.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        return self._connected().claim(transaction_id)

    def open_claims(self) -> Sequence[Claim]:
        """Return all claims that are not final, oldest first.

        Raises :class:`~facilitator.roles.storage.StorageUnavailable`.
        """
        return self._connected().open_claims()

    def report(self, claim: Claim) -> Mapping[str, Any]:
        """Return what ``facilitator inspect`` reports on the claim's transaction, now, as JSON.

        The fields are those of ``POST /inspect``; ``verify`` is ``None``. Inputs that the
        transaction itself has spent fail their rule. Raises
        :class:`~facilitator.roles.refused.Refused` if this version cannot decode the transaction,
        and :class:`~facilitator.roles.chain_errors.ChainUnavailable` if the eras of its network are
        not known.
        """
        self._chain(claim.network)
        if self._report is None:
            raise PluginError("reports are made while the facilitator serves")
        with self._open(self.CLIENT):
            return self._report(claim)

    def tip(self, network: str) -> Tip:
        """Return the newest block.

        Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
        """
        with self._open(self.CLIENT):
            return self._chain(network).tip()

    def transaction(self, network: str, transaction_id: str) -> TransactionStatus:
        """Return where the transaction (lowercase hex) is.

        Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
        """
        with self._open(self.CLIENT):
            return self._chain(network).transaction(transaction_id)

    def outputs(
        self, network: str, refs: Collection[OutputRef]
    ) -> Mapping[OutputRef, OutputStatus]:
        """Return the status of each output.

        Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
        """
        with self._open(self.CLIENT):
            return self._chain(network).outputs(refs)

    def asset(self, network: str, asset: AssetId) -> AssetState | Unknown | None:
        """Return the state of the native asset; ``None`` if the provider cannot look assets up.

        Raises :class:`~facilitator.roles.chain_errors.ChainUnavailable`.
        """
        chain = self._chain(network)
        if not isinstance(chain, ReadsAssets):
            return None
        with self._open(self.CLIENT):
            return chain.asset(asset)

    def _connected(self) -> Storage:
        if self._storage is None:
            raise PluginError("claims and chains can be read from the hook startup on")
        return self._storage

    def _chain(self, network: str) -> ChainProvider:
        if not self._chains:
            self._connected()
        if network not in self._chains:
            raise PluginError(f"the network {network!r:.60} is not served here")
        return self._chains[network]
