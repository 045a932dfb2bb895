"""IOUs: an Ed25519 signature by the channel's own key over its tag and all that is owed so far."""

from hashlib import blake2b

import cbor2

from facilitator.cardano.phase2.data import encode_data
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.transaction import OutputRef
from facilitator_channels.draft import MAX_IOU

TAG_SIZE = 32
"""Bytes of a channel's tag."""


def iou_message(tag: bytes, amount: int) -> bytes:
    """Return what an IOU signs: ``serialiseData([tag, amount])``.

    ``amount`` is in atomic units. Raises :class:`ValueError` for what no IOU can say.
    """
    if len(tag) != TAG_SIZE or not 0 <= amount <= MAX_IOU:
        raise ValueError(f"an IOU has a tag of {TAG_SIZE} bytes and an amount of 0 to {MAX_IOU}")
    return encode_data((tag, amount))


def iou_holds(iou_key: bytes, tag: bytes, amount: int, signature: bytes) -> bool:
    """Return True if the IOU can be redeemed.

    The signature is verified by libsodium, as the ledger verifies it: one that only another library
    accepts is worth nothing. Raises :class:`ValueError` like :func:`iou_message`.
    """
    return signature_holds(iou_key, iou_message(tag, amount), signature)


def derive_tag(ref: OutputRef) -> bytes:
    """Return the tag of a channel whose opening spends the output: blake2b-256 of the CBOR."""
    return blake2b(cbor2.dumps([ref.transaction_id, ref.index]), digest_size=TAG_SIZE).digest()
