"""A transaction that has some of everything the devnet takes."""

from hashlib import blake2b
from typing import Any, NamedTuple

import cbor2

from facilitator_devnet.devnet import Devnet
from facilitator_devnet.wallet import SET_TAG, Wallet, key_hash

FEE = 1_000_000
DATUM = cbor2.dumps(
    cbor2.CBORTag(121, [1, b"\x01\x02", [2, 3], {b"k": cbor2.CBORTag(1280, [])}, -(2**70)])
)
METADATA = {674: {"msg": ["thank you"], 1: b"\xff"}, 721: [1, -2]}
REGISTER, DELEGATE_VOTE = 7, 9
ALWAYS_ABSTAIN = [2]
KEY_DEPOSIT = 2_000_000


class Rich(NamedTuple):
    """The transaction and what it made."""

    raw: bytes
    policy: bytes
    """The hash of the native script, which is also a reference script."""
    datum_hash: bytes


def rich_transaction(devnet: Devnet, wallet: Wallet) -> Rich:
    """Metadata, a mint, certificates, an inline datum and a reference script."""
    ref, held = next(
        (ref, output)
        for ref, output in devnet.outputs_at(wallet.address).items()
        if not output.value.assets
    )
    script = [1, [[0, key_hash(wallet.payment_key)], [3, 1, [[4, 0]]], [2, [[5, 2**32]]]]]
    policy = blake2b(b"\x00" + cbor2.dumps(script), digest_size=28).digest()
    change = held.value.lovelace - FEE - KEY_DEPOSIT - 5_000_000
    stake = [0, key_hash(wallet.stake_key)]
    outputs: list[dict[int, Any]] = [
        {
            0: b"\x70" + policy,
            1: [5_000_000, {policy: {b"token": 7}}],
            2: [1, cbor2.CBORTag(24, DATUM)],
            3: cbor2.CBORTag(24, cbor2.dumps([0, script])),
        },
        {0: wallet.enterprise_address, 1: change},
    ]
    auxiliary = cbor2.dumps(METADATA)
    body = cbor2.dumps(
        {
            0: cbor2.CBORTag(SET_TAG, [list(ref)]),
            1: outputs,
            2: FEE,
            3: devnet.now() + 1000,
            4: cbor2.CBORTag(
                SET_TAG,
                [[REGISTER, stake, KEY_DEPOSIT], [DELEGATE_VOTE, stake, ALWAYS_ABSTAIN]],
            ),
            7: blake2b(auxiliary, digest_size=32).digest(),
            8: 1,
            9: {policy: {b"token": 7}},
        }
    )
    keys = (wallet.payment_key, wallet.stake_key)
    name = blake2b(body, digest_size=32).digest()
    signatures = [[bytes(key.verify_key), key.sign(name).signature] for key in keys]
    witnesses = cbor2.dumps(
        {0: cbor2.CBORTag(SET_TAG, signatures), 1: cbor2.CBORTag(SET_TAG, [script])}
    )
    raw = b"\x84" + body + witnesses + b"\xf5" + auxiliary
    return Rich(raw, policy, blake2b(DATUM, digest_size=32).digest())
