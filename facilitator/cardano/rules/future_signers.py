"""Keys that are going to sign: what they add to a transaction's signers and to its size."""

from collections.abc import Set as AbstractSet
from functools import lru_cache
from hashlib import blake2b

from facilitator.cardano.rules.failure import Environment
from facilitator.cardano.transaction import Transaction, Witnesses

VKEY_WITNESS_BYTES = 101
"""Bytes of a vkey witness (CDDL ``vkeywitness``): an array's head, 34 of the key, 66 of the
signature."""


@lru_cache(maxsize=4096)
def _hash_vkey(vkey: bytes) -> bytes:
    """Return the hash of the key; remembered, as each verdict needs it more than once."""
    return blake2b(vkey, digest_size=28).digest()


def hash_vkeys(witnesses: Witnesses) -> set[bytes]:
    """Return the hashes (28 bytes) of the keys of the vkey witnesses."""
    return {_hash_vkey(witness.vkey) for witness in witnesses.vkeys}


def list_signers(witnesses: Witnesses, future_signers: frozenset[bytes]) -> AbstractSet[bytes]:
    """Return the hashes of the keys that have signed or are going to."""
    signed = hash_vkeys(witnesses)
    return signed | future_signers if future_signers else signed


def count_future_bytes(tx: Transaction, env: Environment) -> int:
    """Return the bytes by which the keys that are going to sign make the transaction longer.

    Each has :data:`VKEY_WITNESS_BYTES`; the head of their array grows from 24 and 256 elements on,
    and comes with its key if there is no vkey witness yet.
    """
    more = len(env.future_signers - hash_vkeys(tx.witnesses))
    if not more:
        return 0
    present = len(tx.witnesses.vkeys)
    heads = _head_bytes(present + more) - (_head_bytes(present) if present else -1)
    return more * VKEY_WITNESS_BYTES + heads


def _head_bytes(length: int) -> int:
    """Return the bytes of the shortest head of an array of that length."""
    return 1 if length < 24 else 2 if length < 256 else 3
