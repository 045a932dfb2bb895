"""A refund: consumer and provider end a channel by agreement."""

from collections.abc import Mapping

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.merging import add_vkey_witnesses, read_vkey_witnesses
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator.plugin import Refused, Terms
from facilitator_channels.channel import Channel
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.redeemers import Mutual
from facilitator_channels.shape import (
    check_moves_money_alone,
    decode,
    hash_key,
    list_outputs,
    list_signers,
    owner_of,
    read_redeemers,
)

_REASON = ChannelReason.REFUND_TRANSACTION


def check_refund(tx: Transaction, channel: Channel, owed: int, terms: Terms) -> None:
    """Raise :class:`Refused` unless the transaction ends the channel and pays what is owed.

    ``owed`` is in atomic units. The transaction spends the channel; the owners of its other inputs
    are for :func:`check_other_inputs`.
    """
    body, constants = tx.body, channel.constants
    if read_redeemers(tx, _REASON) != {channel.ref: Mutual()}:
        raise Refused(_REASON, "it must redeem the channel with Mutual")
    if set(body.required_signers) != {constants.consumer, constants.provider}:
        raise Refused(_REASON, "its required signers must be exactly consumer and provider")
    if constants.consumer not in list_signers(tx):
        raise Refused(_REASON, "the consumer, channelConfig.payer, has not signed")
    check_moves_money_alone(tx, terms.network, _REASON)
    if list_outputs(tx, channel.validator):
        raise Refused(_REASON, "it leaves an output at scriptHash")
    paid = sum(amount_of(output, terms) for output in body.outputs if is_paid(output, terms))
    if paid < owed:
        raise Refused(_REASON, f"it pays {paid} to payTo, and {owed} are owed")


def add_signature(tx: Transaction, witness: bytes | None, provider: bytes) -> Transaction:
    """Return the transaction with the provider's signature, its body as it was.

    ``witness`` is a witness set. Raises :class:`Refused` for one with anything else.
    """
    if witness is None:
        raise Refused(_REASON, "the provider has not signed: payload.providerWitness is missing")
    try:
        added = read_vkey_witnesses(witness)
    except DecodeError as error:
        raise Refused(_REASON, f"payload.providerWitness: {error}") from None
    if any(hash_key(each.vkey) != provider for each in added):
        raise Refused(_REASON, "payload.providerWitness has a signature of another key")
    if not all(signature_holds(each.vkey, tx.id, each.signature) for each in added):
        raise Refused(_REASON, "payload.providerWitness does not sign this transaction")
    return decode(add_vkey_witnesses(tx, added), _REASON)


def check_other_inputs(
    tx: Transaction, channel: Channel, outputs: Mapping[OutputRef, Output]
) -> None:
    """Raise :class:`Refused` if it spends more than the channel and outputs of the consumer's key.

    ``outputs`` are those that the transaction refers to.
    """
    for ref in tx.body.inputs:
        if ref != channel.ref and owner_of(outputs[ref]) != channel.constants.consumer:
            raise Refused(
                _REASON, f"it spends {ref}, which is neither the channel nor the consumer's"
            )


def check_collateral(tx: Transaction, outputs: Mapping[OutputRef, Output], provider: bytes) -> None:
    """Raise :class:`Refused` if collateral is a script's or the provider's.

    ``outputs`` are those that the transaction refers to.
    """
    for ref in tx.body.collateral:
        if owner_of(outputs[ref]) in (None, provider):
            raise Refused(
                _REASON, f"the collateral {ref} must be at a key that is not the provider's"
            )


def count_refunded(tx: Transaction, terms: Terms) -> int:
    """Return the atomic units that go to others than ``payTo``: what the consumer gets back."""
    return sum(amount_of(output, terms) for output in tx.body.outputs if not is_paid(output, terms))


def is_paid(output: Output, terms: Terms) -> bool:
    """Return True if the output is to ``payTo``."""
    return output.address == terms.pay_to


def amount_of(output: Output, terms: Terms) -> int:
    """Return the output's atomic units of the asset."""
    if terms.asset is None:
        return output.value.lovelace
    return output.value.assets.get(terms.asset, 0)
