"""The seller's signature under a refund, which covers a whole transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.transaction import Output, Value
from facilitator.plugin import Refused
from facilitator_channels.channel import Channel
from facilitator_channels.datum import Datum, Opened
from facilitator_channels.messages import Refund
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.refund import check_refund
from facilitator_channels.seller.reading import SellerTerms
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.views import read_ref, wanted_of
from facilitator_channels.shape import decode

_VKEYS = 0
_SCRIPT_ADDRESS = 0x70


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """The key of ``receiverAuthorizer``, wherever it is kept."""

    public: bytes
    """The Ed25519 public key, 32 bytes."""
    sign: Callable[[bytes], bytes]
    """Returns the signature of a transaction's id."""

    @property
    def key_hash(self) -> bytes:
        """Return the hash that is ``receiverAuthorizer``."""
        return blake2b(self.public, digest_size=28).digest()

    @classmethod
    def from_seed(cls, seed: bytes) -> "ProviderKey":
        """Return the key of 32 secret bytes."""
        key = SigningKey(seed)
        return cls(bytes(key.verify_key), lambda message: key.sign(message).signature)


def witness_refund(
    refund: Refund, record: ChannelRecord, asked: SellerTerms, key: ProviderKey
) -> str:
    """Return ``providerWitness`` for a refund that pays all that was charged.

    The shape is checked here as the facilitator checks it: a signature under anything else could
    spend the seller's own outputs. The facilitator alone can look at the collateral. Raises
    :class:`~facilitator.plugin.Refused`.
    """
    tx = decode(refund.transaction, ChannelReason.REFUND_TRANSACTION)
    check_refund(tx, _expected(record, asked), record.unredeemed, asked.terms)
    return cbor2.dumps({_VKEYS: [[key.public, key.sign(tx.id)]]}).hex()


def add_witness(payment: Mapping[str, Any], witness: str) -> dict[str, Any]:
    """Return the payment with ``providerWitness``, for ``/settle``."""
    return {**payment, "payload": {**payment["payload"], "providerWitness": witness}}


def _expected(record: ChannelRecord, asked: SellerTerms) -> Channel:
    """Return the channel as the record knows it. Its value is not known, and not looked at."""
    validator, constants = wanted_of(record)
    network = asked.terms.network.network_id
    address = bytes([_SCRIPT_ADDRESS | network]) + validator.script_hash
    ref = read_ref(record.view.channel_ref)
    if ref is None:
        raise Refused(ChannelReason.CHANNEL_NOT_FOUND, "the channel has no position on the chain")
    datum = Datum(validator.script_hash, constants, Opened(record.view.total_claimed))
    return Channel(ref, Output(address, Value(0, {}), 0), datum, validator)
