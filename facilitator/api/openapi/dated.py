"""The payment of :mod:`facilitator.api.openapi.examples` with a time that is not over.

It is for a facilitator without a devnet. The key is known to all, and its outputs are a devnet's.
"""

import base64
import copy
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from nacl.signing import SigningKey

from facilitator.api.openapi import examples
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.roles.chain import ExamplePayment

_KEY = SigningKey(blake2b(b"x402 devnet payment key: alice", digest_size=32).digest())
_STEP_SECONDS = 60
"""Time after which another one is signed."""


def dated_payment(now: float) -> ExamplePayment:
    """Return the payment, whose time ends at most ``maxTimeoutSeconds`` after ``now``.

    It is the same one for a minute. ``now`` is Unix time in seconds.
    """
    return _signed(int(now) // _STEP_SECONDS * _STEP_SECONDS)


@lru_cache(maxsize=1)
def _signed(now: int) -> ExamplePayment:
    request: dict[str, Any] = copy.deepcopy(dict(examples.PAYMENT))
    terms, payload = request["paymentRequirements"], request["paymentPayload"]["payload"]
    raw = base64.b64decode(payload["transaction"])
    former = decode_transaction(raw)
    slot = KNOWN_ERAS[examples.NETWORK].slot_at((now + terms["maxTimeoutSeconds"]) * 1000)
    raw = raw.replace(_uint32(former.body.invalid_hereafter), _uint32(slot))
    transaction_id = decode_transaction(raw).id
    (witness,) = former.witnesses.vkeys
    raw = raw.replace(witness.signature, _KEY.sign(transaction_id).signature)
    payload["transaction"] = base64.b64encode(raw).decode()
    return ExamplePayment(request, transaction_id.hex(), examples.PAYER)


def _uint32(slot: int | None) -> bytes:
    """Return the number as CBOR, which has five bytes from 2^16 on."""
    return b"\x1a" + (slot or 0).to_bytes(4, "big")
