"""Vectors of the derivation, made by ``cryptography``'s HKDF and Ed25519."""

import cbor2
import pytest
from nacl.signing import SigningKey

from facilitator_channels.client.keys import (
    ROOT_MESSAGE,
    derive_key,
    derive_root,
    iou_signer,
    signed_root,
)
from facilitator_channels.iou import iou_holds

TAG = b"\x11" * 32
ADDRESS = bytes.fromhex("608b218424ad74df25d35c2ea8e094a4c5c5aeb2cbb442419331569313")


def test_the_root_comes_from_the_signature() -> None:
    root = derive_root(bytes(range(64)))
    assert root.hex() == "61b743d6cb3e2d0c3706bfb8ddc1e714887c82841e3b55b50374ebb9b2d35382"


def test_a_channels_key_comes_from_root_network_and_tag() -> None:
    root = derive_root(bytes(range(64)))
    key = derive_key(root, "cardano:preprod", TAG)
    seed = "b5da7d8e40fe83d96177700fc52996aa3ac5724eed77bf9f544ec9c961514d52"
    public = "22083a9e3ef652d3386cb6ad58da6c05b5ec82d005e5b4724d4b8f0b6e44af8e"
    assert (bytes(key).hex(), bytes(key.verify_key).hex()) == (seed, public)
    others = [
        derive_key(root, "cardano:mainnet", TAG),
        derive_key(root, "cardano:preprod", b"\x12" * 32),
        derive_key(derive_root(bytes(64)), "cardano:preprod", TAG),
    ]
    assert len({bytes(each) for each in (key, *others)}) == 4


def test_the_wallet_signs_the_drafts_message_by_cip_8() -> None:
    context, headers, external, payload = cbor2.loads(signed_root(ADDRESS))
    assert (context, external) == ("Signature1", b"")
    assert cbor2.loads(headers) == {1: -8, "address": ADDRESS}
    assert payload == ROOT_MESSAGE.encode()
    assert ROOT_MESSAGE == (
        "x402 batch-settlement on Cardano, IOU keys v1. Sign this only for your own x402 client:"
        " this signature derives the keys that authorize payments from your channels."
    )


def test_the_keys_of_a_known_wallet() -> None:
    signature = SigningKey(b"\x07" * 32).sign(signed_root(ADDRESS)).signature
    root = derive_root(signature)
    assert root.hex() == "28d35efc301df9267093833de090271f9729cc88a3154c87c307da162d123f84"


def test_its_ious_hold() -> None:
    key = derive_key(bytes(32), "cardano:preprod", TAG)
    iou = iou_signer(key, TAG)(203_000)
    assert iou.amount == 203_000
    assert iou_holds(bytes(key.verify_key), TAG, 203_000, iou.signature)


def test_the_ious_of_the_drafts_vector() -> None:
    iou = iou_signer(SigningKey(b"\x07" * 32), TAG)(203_000)
    assert iou.signature.hex() == (
        "d09aac1f109a70db6328acec3e83d01f9d894d6bab248b03e8689ac3818526582426262cbd8c14ec2d76369691"
        "0748159405ff38ee3d049c1a3954ddfa073a08"
    )


def test_other_lengths_are_errors() -> None:
    with pytest.raises(ValueError, match="64 bytes, not 63"):
        derive_root(bytes(63))
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        derive_key(bytes(32), "cardano:preprod", bytes(31))
