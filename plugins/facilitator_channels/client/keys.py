"""The keys that sign IOUs, derived from the wallet: lost records can be made again.

The wallet signs one message (CIP-8). From that signature each channel's key is derived by HKDF
(RFC 5869). The signature gives the keys of all channels of the wallet: it must be signed
for the wallet's own client alone, and be kept as secret as a key.
"""

import hashlib
import hmac
from collections.abc import Callable

import cbor2
from nacl.signing import SigningKey

from facilitator_channels.iou import TAG_SIZE, iou_message
from facilitator_channels.values import Iou

ROOT_MESSAGE = (
    "x402 batch-settlement on Cardano, IOU keys v1. Sign this only for your own x402 client: this"
    " signature derives the keys that authorize payments from your channels."
)
"""The message of the draft."""

_SALT = b"x402 batch-settlement cardano"
_SIGNATURE_SIZE = 64
_ALGORITHM, _EDDSA = 1, -8


def signed_root(address: bytes) -> bytes:
    """Return the bytes that the wallet's payment key signs: the ``Sig_structure`` of CIP-8.

    The protected headers are those of CIP-30's ``signData``: the algorithm, and the address.
    """
    headers = cbor2.dumps({_ALGORITHM: _EDDSA, "address": address})
    return cbor2.dumps(["Signature1", headers, b"", ROOT_MESSAGE.encode()])


def derive_root(signature: bytes) -> bytes:
    """Return the secret that all keys come from. Raises :class:`ValueError` for another length."""
    if len(signature) != _SIGNATURE_SIZE:
        raise ValueError(f"an Ed25519 signature has {_SIGNATURE_SIZE} bytes, not {len(signature)}")
    return _hkdf(signature, b"iou root v1")


def derive_key(root: bytes, network: str, tag: bytes) -> SigningKey:
    """Return a channel's key. Raises :class:`ValueError` for a tag of another length."""
    if len(tag) != TAG_SIZE:
        raise ValueError(f"a tag has {TAG_SIZE} bytes, not {len(tag)}")
    return SigningKey(_hkdf(root, f"iou key v1 {network} {tag.hex()}".encode()))


def iou_signer(key: SigningKey, tag: bytes) -> Callable[[int], Iou]:
    """Return a function that signs an IOU for a cumulative amount."""
    return lambda amount: Iou(amount, key.sign(iou_message(tag, amount)).signature)


def _hkdf(secret: bytes, info: bytes) -> bytes:
    """Return 32 bytes of HKDF-SHA256, which are its first block."""
    extracted = hmac.digest(_SALT, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)
