"""A payment: its terms, its origin, and the view of it that plugins get."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.transaction import AssetId, Transaction
from facilitator.immutable import immutable
from facilitator.x402.messages import Requirements
from facilitator.x402.networks import CardanoNetwork

MEMPOOL = -1
"""The confirmation policy by which the acceptance of our own broadcast is enough."""


@immutable
class Terms:
    """The terms that a valid payment meets."""

    network: CardanoNetwork
    """The network of the payment."""
    asset: AssetId | None
    """The native asset; ``None`` for lovelace."""
    amount: int
    """Atomic units of the asset."""
    pay_to: bytes
    """All bytes of the address."""
    max_timeout_seconds: int
    """Seconds that the payment may take."""
    confirmations: int
    """Newer blocks needed for success; :data:`MEMPOOL` for acceptance by a node."""
    method: str
    """The transfer method of ``exact``, ``extra.assetTransferMethod``; empty in other schemes."""
    requirements: Requirements
    """As received, the network folded to its canonical id."""


@immutable
class Origin:
    """The part of a request that says where a payment comes from and what it is for."""

    client: str = ""
    """The client that asks, as limits count it; empty for this machine."""
    caller: str | None = None
    """The name of the API key, where there is one."""
    resource: Mapping[str, Any] | None = None
    """``paymentPayload.resource``. The payer writes it: it proves nothing."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """``paymentPayload.extensions``. The payer writes it: it proves nothing."""
    size: int = 0
    """Bytes of the request's JSON."""


UNKNOWN_ORIGIN = Origin()
"""The origin of a payment that comes from no request."""


@immutable
class PaymentView:
    """A payment whose terms and transaction could be read."""

    transaction_id: str
    """Canonical id, lowercase hex."""
    terms: Terms
    """The requirements as checked values."""
    origin: Origin = UNKNOWN_ORIGIN
    """The part of the request that says where the payment comes from."""
    signed: bytes = field(default=b"", repr=False)
    """The transaction as it is signed. It is as good as money: write it nowhere."""

    @property
    def network(self) -> str:
        """The canonical id of the network."""
        return self.terms.network.id

    @property
    def requirements(self) -> Requirements:
        """The resource server's requirements, the network folded to its canonical id."""
        return self.terms.requirements

    @property
    def caller(self) -> str | None:
        """The name of the resource server's API key, where there is one."""
        return self.origin.caller

    @property
    def resource(self) -> Mapping[str, Any] | None:
        """The resource that is paid for, as the payer writes it: with ``url``; or ``None``."""
        return self.origin.resource

    @property
    def extensions(self) -> Mapping[str, Any]:
        """The extensions of the payment by their keys, as the payer writes them."""
        return self.origin.extensions

    @property
    def transaction(self) -> Transaction:
        """The transaction, decoded at each use.

        A message without one, whose :attr:`transaction_id` is empty, raises :class:`ValueError`.
        """
        return decode_any_era(self.signed)
