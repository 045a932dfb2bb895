"""The parts of a channel's transaction, and what it may hold apart from what its step demands."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.transaction import DijkstraFields, Output, OutputRef, Transaction
from facilitator.plugin import Refused
from facilitator.x402.networks import CardanoNetwork
from facilitator_channels.channel import Validator
from facilitator_channels.reasons import ChannelReason
from facilitator_channels.redeemers import ChannelRedeemer, decode_redeemer

_SPENDING = 0
"""The purpose of a redeemer for an input (CDDL ``redeemer_tag``)."""
_SCRIPT_BIT, _BYRON_BIT = 0x10, 0x80


def decode(raw: bytes, reason: ChannelReason) -> Transaction:
    """Return the transaction that the bytes encode. Raises :class:`Refused`."""
    try:
        return decode_any_era(raw)
    except DecodeError as error:
        raise Refused(reason, f"not a transaction: {error}") from None


def check_moves_money_alone(
    tx: Transaction, network: CardanoNetwork, reason: ChannelReason
) -> None:
    """Raise :class:`Refused` unless the transaction is for the network, and only moves money."""
    body = tx.body
    networks = {output.address[0] & 15 for output in body.outputs if not output.address[0] & 0x80}
    if networks - {network.network_id} or body.network_id not in (None, network.network_id):
        raise Refused(
            ChannelReason.NETWORK_MISMATCH,
            f"the transaction is for another network than {network.id}",
        )
    if not tx.is_valid:
        raise Refused(reason, "the transaction is marked as failing its scripts")
    found = {
        "certificates": body.certificates,
        "withdrawals": body.withdrawals,
        "a mint": body.mint,
        "votes": body.votes,
        "proposals": body.proposals,
        "a donation": body.donation,
        "the treasury's value": body.treasury is not None,
        "what only Dijkstra has": _has_effects(body.dijkstra),
    }
    present = [name for name, value in found.items() if value]
    if present:
        raise Refused(reason, f"the transaction must move money alone, and has {present[0]}")


def _has_effects(fields: DijkstraFields | None) -> bool:
    """Return True if a field has another effect than the key guards, which are signers."""
    if fields is None:
        return False
    return bool(
        fields.subs
        or fields.required_guards
        or fields.direct_deposits
        or fields.balances
        or fields.starting_balances
        or fields.is_sub
        or any(guard.is_script for guard in fields.guards)
    )


def list_outputs(tx: Transaction, validator: Validator) -> Sequence[tuple[OutputRef, Output]]:
    """Return the transaction's outputs at the validator's address, with their references."""
    return [
        (OutputRef(tx.id, index), output)
        for index, output in enumerate(tx.body.outputs)
        if validator.owns(output)
    ]


def list_signers(tx: Transaction) -> frozenset[bytes]:
    """Return the hashes of the keys that have signed."""
    return frozenset([hash_key(each.vkey) for each in tx.witnesses.vkeys])


def hash_key(public_key: bytes) -> bytes:
    """Return the hash of a key, 28 bytes."""
    return blake2b(public_key, digest_size=28).digest()


def owner_of(output: Output) -> bytes | None:
    """Return the hash of the key that owns the output; ``None`` if no key alone does."""
    is_key = not output.address[0] & (_SCRIPT_BIT | _BYRON_BIT)
    return output.address[1:29] if is_key else None


def read_redeemers(
    tx: Transaction, reason: ChannelReason
) -> Mapping[OutputRef, ChannelRedeemer | None]:
    """Return the redeemer of each input that has one, ``None`` for one that is not a channel's.

    Raises :class:`Refused` if there are redeemers of other purposes.
    """
    inputs = sorted(tx.body.inputs)  # as the ledger numbers them
    found: dict[OutputRef, ChannelRedeemer | None] = {}
    for redeemer in tx.witnesses.redeemers:
        if redeemer.tag != _SPENDING or redeemer.index >= len(inputs):
            raise Refused(reason, "the transaction has a redeemer that is not for an input")
        try:
            found[inputs[redeemer.index]] = decode_redeemer(redeemer.data)
        except DecodeError:
            found[inputs[redeemer.index]] = None
    return found
