"""The seller's signature under a refund, which covers a whole transaction."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.transaction import Output, OutputRef, Transaction, Value
from facilitator.plugin import OutputStatus, Refused, Unspent
from facilitator_channels.channel import Channel
from facilitator_channels.datum import Datum, Opened
from facilitator_channels.messages import Refund
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.refund import check_other_inputs, check_refund, is_paid
from facilitator_channels.seller.reading import SellerTerms
from facilitator_channels.seller.record import ChannelRecord
from facilitator_channels.seller.views import read_ref, wanted_of
from facilitator_channels.shape import decode
from facilitator_channels.sponsored import is_plain

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


LookUp: TypeAlias = Callable[[Collection[OutputRef]], Mapping[OutputRef, OutputStatus]]
_REASON = ChannelReason.REFUND_TRANSACTION


def witness_refund(
    refund: Refund,
    record: ChannelRecord,
    asked: SellerTerms,
    key: ProviderKey,
    look_up: LookUp,
    most_fee: int,
) -> str:
    """Return ``providerWitness`` for a refund that pays all that was charged.

    The shape is checked here as the facilitator checks it: a signature under anything else could
    spend the seller's own outputs. Of a plain refund the facilitator alone can look at the
    collateral. A reserve that the seller has paid must come back, but for a fee of at most
    ``most_fee`` lovelace: for that ``look_up`` is asked.
    Raises :class:`~facilitator.plugin.Refused` and ``ChainUnavailable``.
    """
    tx, channel = decode(refund.transaction, _REASON), _expected(record, asked)
    check_refund(tx, channel, record.unredeemed, asked.terms)
    if set(tx.body.inputs) != {channel.ref} or record.is_sponsored:
        known = _look_up_inputs(tx, channel, look_up)
        check_other_inputs(tx, channel, known)
        if record.is_sponsored:
            _check_reserve_returned(tx, known[channel.ref].value.lovelace, asked, most_fee)
    return cbor2.dumps({_VKEYS: [[key.public, key.sign(tx.id)]]}).hex()


def _look_up_inputs(
    tx: Transaction, channel: Channel, look_up: LookUp
) -> Mapping[OutputRef, Output]:
    """Return the outputs that the transaction spends, the channel among them."""
    if channel.ref not in tx.body.inputs:
        raise Refused(_REASON, f"it must spend the channel, now {channel.ref}")
    found = look_up(tx.body.inputs)
    known = {ref: each.output for ref, each in found.items() if isinstance(each, Unspent)}
    missing = set(tx.body.inputs) - known.keys()
    if missing:
        raise Refused(_REASON, f"the seller does not see {min(missing)} as an unspent output")
    return known


def _check_reserve_returned(
    tx: Transaction, lovelace: int, asked: SellerTerms, most_fee: int
) -> None:
    """Raise :class:`Refused` unless ``payTo`` gets the channel's lovelace, apart from the fee.

    Outputs count with what the seller can use: other tokens would lock their lovelace up.
    """
    fee = min(tx.body.fee, most_fee)
    returned = sum(
        output.value.lovelace
        for output in tx.body.outputs
        if is_paid(output, asked.terms) and is_plain(output, asked.terms.asset)
    )
    if returned + fee < lovelace:
        raise Refused(
            _REASON,
            f"payTo gets {returned} lovelace, and {fee} may be the fee: the {lovelace} in the"
            " channel are the seller's, who has paid its reserve",
        )


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
