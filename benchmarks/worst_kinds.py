"""Payments that nobody can make, each as costly as its kind allows, and signed."""

import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import cbor2
from harness import AMOUNT, NETWORK
from nacl.signing import SigningKey

from facilitator.cardano.slots import KNOWN_ERAS
from facilitator_devnet.genesis import PARAMETERS, wallets
from facilitator_devnet.wallet import SET_TAG

MERCHANT = wallets(NETWORK)["merchant"]
LARGEST = 16_384
"""The size of a transaction, in bytes, that the ledger allows."""

Parts = Mapping[str, Any]
"""What a kind adds: ``inputs``, ``outputs``, ``fields``, ``keys``, ``witnesses``, ``script``,
``auxiliary``."""


def keys(number: int, salt: int) -> list[SigningKey]:
    """So many keys that no other payment has."""
    return [
        SigningKey(blake2b(b"%d %d" % (salt, i), digest_size=32).digest()) for i in range(number)
    ]


def refs(number: int, salt: int) -> list[list[Any]]:
    """So many outputs that never were."""
    return [[blake2b(b"%d %d" % (salt, i), digest_size=32).digest(), 0] for i in range(number)]


def transaction(parts: Parts, salt: int) -> bytes:
    """The signed transaction with these parts; its fee is right, its inputs never were."""
    outputs = [{0: MERCHANT.address, 1: AMOUNT}, *parts.get("outputs", [])]
    now = KNOWN_ERAS[NETWORK].slot_at(int(time.time() * 1000))
    body: dict[int, Any] = {
        0: cbor2.CBORTag(SET_TAG, parts.get("inputs") or refs(1, salt)),
        1: outputs,
        2: PARAMETERS.min_fee_a * LARGEST + PARAMETERS.min_fee_b,
        3: now + 500 + salt % 50,
        **parts.get("fields", {}),
    }
    auxiliary = parts.get("auxiliary")
    if auxiliary is not None:
        body[7] = blake2b(auxiliary, digest_size=32).digest()
    raw_body = cbor2.dumps(body)
    transaction_id = blake2b(raw_body, digest_size=32).digest()
    signed = transaction_id if parts.get("holds", True) else bytes(32)
    signatures = [
        [bytes(key.verify_key), key.sign(signed).signature]
        for key in keys(parts.get("keys", 1), salt)
    ]
    witnesses = {0: cbor2.CBORTag(SET_TAG, signatures), **parts.get("witnesses", {})}
    raw_witnesses = cbor2.dumps(witnesses)
    if "script" in parts:
        raw_witnesses = b"\xa2" + raw_witnesses[1:] + b"\x01\x81" + parts["script"]
    return b"\x84" + raw_body + raw_witnesses + b"\xf5" + (auxiliary or b"\xf6")


def largest(make: Callable[[int], Parts], salt: int) -> bytes:
    """The largest transaction that the ledger allows of those that ``make`` returns by number."""
    low, high = 1, 20_000
    while low < high:
        middle = (low + high + 1) // 2
        if len(transaction(make(middle), salt)) <= LARGEST:
            low = middle
        else:
            high = middle - 1
    return transaction(make(low), salt)


def many_assets(number: int) -> Parts:
    """One policy with so many names, of 12 bytes, since the ledger allows no more shorter ones."""
    names = {i.to_bytes(12, "big"): 1 for i in range(number)}
    return {"outputs": [{0: MERCHANT.address, 1: [50_000_000, {bytes(28): names}]}]}


def nested(number: int) -> bytes:
    """CBOR of lists in lists, as many as decoders allow, then so many numbers."""
    return b"\x81" * 100 + cbor2.dumps([0] * number)


def kinds(salt: int) -> Iterator[tuple[str, Callable[[int], Parts]]]:
    """Each kind with a function from a number to its parts."""
    datum = {0: MERCHANT.address, 1: 80_000_000}
    yield "signatures that hold", lambda n: {"keys": n}
    yield "signatures that do not hold", lambda n: {"keys": n, "holds": False}
    yield "inputs that never were", lambda n: {"inputs": refs(n, salt)}
    yield "reference inputs", lambda n: {"fields": {18: cbor2.CBORTag(SET_TAG, refs(n, salt))}}
    yield "outputs", lambda n: {"outputs": [{0: MERCHANT.address, 1: 1_000_000}] * n}
    yield "assets", many_assets
    yield (
        "an inline datum",
        lambda n: {"outputs": [datum | {2: [1, cbor2.CBORTag(24, cbor2.dumps([0] * n))]}]},
    )
    yield "metadata", lambda n: {"auxiliary": b"\xa1\x00" + cbor2.dumps([0] * n)}
    yield (
        "native scripts",
        lambda n: {"witnesses": {1: cbor2.CBORTag(SET_TAG, [[1, [[4, 1]] * n]])}},
    )
    yield "a deep native script", lambda n: {"script": b"\x82\x01\x81" * n + b"\x82\x04\x01"}
    yield (
        "redeemers",
        lambda n: {"witnesses": {5: {(0, index): [0, [0, 0]] for index in range(n)}}},
    )
    yield (
        "an input named twice",
        lambda n: {"inputs": [*refs(n, salt), refs(1, salt)[0]]},
    )
    yield "datums", lambda n: {"witnesses": {4: cbor2.CBORTag(SET_TAG, list(range(n)))}}
    yield (
        "withdrawals",
        lambda n: {"fields": {5: {b"\xe0" + ref[0][:28]: 1 for ref in refs(n, salt)}}},
    )
    yield (
        "registrations",
        lambda n: {
            "fields": {
                4: cbor2.CBORTag(
                    SET_TAG, [[7, [0, ref[0][:28]], 2_000_000] for ref in refs(n, salt)]
                )
            }
        },
    )
    yield (
        "required signers",
        lambda n: {"fields": {14: cbor2.CBORTag(SET_TAG, [ref[0][:28] for ref in refs(n, salt)])}},
    )
