"""The seller's signature: what wallets give holds, anything else is refused."""

from contextlib import suppress
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from facilitator.cardano.cbor import DecodeError
from facilitator.roles.refused import Refused
from facilitator.testing.payments import ALICE
from facilitator_masumi.cose import read_key, read_sign1
from facilitator_masumi.seller_signature import check_seller_signature
from support.masumi import (
    SELLER,
    sign_terms,
)
from support.masumi_refusals import altered

DIGEST = "ab" * 32
PUBLIC = bytes(SELLER.payment_key.verify_key)
KEY = {1: 1, 3: -8, -1: 6, -2: PUBLIC}
PROTECTED = {1: -8, "address": SELLER.address}


def key(**fields: Any) -> str:
    changed = {**KEY, **{int(name.replace("m", "-")[1:]): item for name, item in fields.items()}}
    return cbor2.dumps({name: item for name, item in changed.items() if item is not None}).hex()


def sign1(
    protected: Any = PROTECTED,
    unprotected: Any = None,
    payload: Any = b"\xab" * 32,
    signer: SigningKey = SELLER.payment_key,
) -> str:
    headers = protected if isinstance(protected, bytes) else cbor2.dumps(protected)
    structure = cbor2.dumps(["Signature1", headers, b"", payload])
    signature = signer.sign(structure).signature
    unprotected = {"hashed": False} if unprotected is None else unprotected
    return cbor2.dumps([headers, unprotected, payload, signature]).hex()


def check(reference_key: str, signature: str) -> None:
    check_seller_signature(reference_key, signature, SELLER.address, [DIGEST])


GOOD = {
    "as CIP-30 gives them": (key(), sign1()),
    "with a kid in the key": (key(_2=b"\x01"), sign1()),
    "with equal kids": (key(_2=b"\x01"), sign1({**PROTECTED, 4: b"\x01"})),
    "with operations of the key": (key(_4=[1, 2]), sign1()),
    "with other headers": (
        key(),
        sign1({**PROTECTED, "x": [{"a": None}, True]}, {"hashed": False, "version": 1, 9: "t"}),
    ),
    "headers in another order": (key(), sign1({"address": SELLER.address, 1: -8})),
    "an indefinite map": ("bf" + key()[2:] + "ff", sign1()),
}
BAD = {
    "another type of key": (key(_1=2), sign1(), "Ed25519"),
    "another algorithm": (key(_3=-7), sign1(), "Ed25519"),
    "no algorithm": (key(_3=None), sign1(), "Ed25519"),
    "another curve": (key(_m1=7), sign1(), "Ed25519"),
    "a type that is true": (key(_1=True), sign1(), "integer"),
    "a type that is a float": (key(_1=1.0), sign1(), "integer"),
    "a private key": (key(_m4=bytes(32)), sign1(), "private"),
    "no public key": (key(_m2=None), sign1(), "32 bytes"),
    "a short public key": (key(_m2=PUBLIC[:31]), sign1(), "32 bytes"),
    "a label twice": ("a5" + "0101" + key()[2:], sign1(), "twice"),
    "bytes after the key": (key() + "00", sign1(), "followed by"),
    "a tag": (key(), "d2" + sign1(), "array"),
    "bytes after the signature": (key(), sign1() + "00", "followed by"),
    "a hashed payload": (key(), sign1(unprotected={"hashed": True}), "hashed"),
    "hashed or not": (key(), sign1(unprotected={}), "hashed"),
    "hashed 0": (key(), sign1(unprotected={"hashed": 0}), "true or false"),
    "a detached payload": (key(), sign1(payload=None), "payload"),
    "another payload": (key(), sign1(payload=bytes(32)), "other terms"),
    "no protected headers": (key(), sign1(b""), "cut short"),
    "no address": (key(), sign1({1: -8}), "address"),
    "another address": (key(), sign1({**PROTECTED, "address": ALICE.address}), "another address"),
    "no algorithm in the headers": (key(), sign1({"address": SELLER.address}), "EdDSA"),
    "different kids": (key(_2=b"\x01"), sign1({**PROTECTED, 4: b"\x02"}), "different keys"),
    "somebody else's signature": (key(), sign1(signer=ALICE.payment_key), "does not hold"),
    "somebody else's key": (*sign_terms(DIGEST, ALICE, SELLER.address), "not the key of"),
}


@pytest.mark.parametrize(("reference_key", "signature"), GOOD.values(), ids=GOOD)
def test_a_signature_that_holds(reference_key: str, signature: str) -> None:
    check(reference_key, signature)


@pytest.mark.parametrize(("reference_key", "signature", "why"), BAD.values(), ids=BAD)
def test_a_signature_that_is_refused(reference_key: str, signature: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        check(reference_key, signature)
    assert refused.value.reason == "invalid_exact_cardano_requirements_masumi_seller_signature"


READERS = {read_key: bytes.fromhex(key()), read_sign1: bytes.fromhex(sign1())}


@settings(max_examples=60)
@given(data=st.data(), read=st.sampled_from(list(READERS)))
def test_any_bytes_are_read_or_refused(data: Any, read: Any) -> None:
    """Nothing but :class:`DecodeError` is raised, wherever a few bytes are replaced."""
    with suppress(DecodeError):
        read(data.draw(altered(READERS[read])))


def test_deep_nesting_is_gone_past() -> None:
    deep = b"\x81" * 20_000 + b"\x00"
    raw = bytes.fromhex(key())
    read_key(b"\xa5" + b"\x08" + deep + raw[1:])
