"""Channels by a validator that accepts everything: what is said of them, and how it is judged.

What is refused is refused by the checks under test.
"""

import base64
from collections.abc import Mapping
from typing import Any

import cbor2
from nacl.signing import SigningKey

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.slots import KNOWN_ERAS
from facilitator.cardano.transaction import AssetId, Language, OutputRef
from facilitator.plugin import (
    Origin,
    Scheme,
    SchemePayment,
    Verified,
)
from facilitator.testing.payments import ALICE, BOB, MERCHANT
from facilitator.testing.running import NETWORK, NOW
from facilitator.x402.messages import parse_payment_request
from facilitator_channels.channel import Validator
from facilitator_channels.datum import (
    SPONSORED,
    SUBBIT,
    Opened,
)
from facilitator_channels.iou import iou_message
from facilitator_devnet.genesis import TEST_TOKEN
from facilitator_devnet.wallet import Wallet, key_hash
from support.ledger_values import plutus
from support.plutus_programs import program

ACCEPTS = plutus(Language.PLUTUS_V3, program(("lam", ("con", (3,), ""))))
"""A validator that accepts everything."""
VALIDATOR = Validator(ACCEPTS.hash, SUBBIT)
ADDRESS = bytes([0x70]) + ACCEPTS.hash
_ACCEPTS_TOO = plutus(Language.PLUTUS_V3, program(("lam", ("force", ("delay", ("con", (3,), ""))))))
SPONSORING = Validator(_ACCEPTS_TOO.hash, SPONSORED)
"""One whose channels may have a sponsor."""
REFUSES = plutus(Language.PLUTUS_V3, program(("lam", ("error",))))
REFUSING = Validator(REFUSES.hash, SUBBIT)
"""One that refuses everything."""
VALIDATORS = {each.script_hash: each for each in (VALIDATOR, SPONSORING, REFUSING)}
IOU_KEY = SigningKey(b"\x07" * 32)
DELAY = 900
FEE = 400_000
ORIGIN = Origin("tests")
PRICE = 1000
"""The amount of the requirements."""
CONSUMER = key_hash(ALICE.payment_key)
PROVIDER = key_hash(MERCHANT.payment_key)
NEW = Opened(0)


TOKEN = TEST_TOKEN
STAKED = bytes([0x10]) + ACCEPTS.hash + key_hash(BOB.stake_key)
"""The validator's address with somebody's stake part."""
SLOT = KNOWN_ERAS[NETWORK].slot_at(int(NOW * 1000))


def read(scheme: Scheme, body: object, *, settles: bool = False) -> SchemePayment:
    """The payment of a request for /verify or /settle, checked without the chain."""
    payment = scheme.read(parse_payment_request(body), ORIGIN)
    if settles:
        payment = scheme.prepare(payment)
    scheme.check(payment)
    return payment


def judge(scheme: Scheme, body: object, *, settles: bool = False) -> Verified:
    return scheme.verify(read(scheme, body, settles=settles))


# --- What is said ---------------------------------------------------------------------------------


def asset_text(asset: AssetId | None) -> str:
    return "lovelace" if asset is None else f"{asset[:28].hex()}.{asset[28:].hex()}"


def terms(asset: AssetId | None = None, amount: int = PRICE, **extra: Any) -> dict[str, Any]:
    return {
        "scheme": "batch-settlement",
        "network": NETWORK,
        "amount": str(amount),
        "asset": asset_text(asset),
        "payTo": MERCHANT.bech32,
        "maxTimeoutSeconds": 300,
        "extra": {
            "scriptHash": ACCEPTS.hash.hex(),
            "receiverAuthorizer": PROVIDER.hex(),
            "withdrawDelay": DELAY,
            **extra,
        },
    }


CLAIM_TERMS = {**terms(amount=0), "maxTimeoutSeconds": 0, "extra": {}}
"""What a resource server makes up for a claim."""


def request(payload: Mapping[str, Any], agreed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "x402Version": 2,
        "paymentPayload": {"x402Version": 2, "accepted": dict(agreed), "payload": dict(payload)},
        "paymentRequirements": dict(agreed),
    }


def config(asset: AssetId | None = None) -> dict[str, Any]:
    return {
        "payer": CONSUMER.hex(),
        "payerAuthorizer": bytes(IOU_KEY.verify_key).hex(),
        "receiver": MERCHANT.bech32,
        "receiverAuthorizer": PROVIDER.hex(),
        "token": asset_text(asset),
        "withdrawDelay": DELAY,
    }


def voucher(
    tag: bytes, amount: int, ref: OutputRef | None = None, key: SigningKey = IOU_KEY
) -> dict[str, Any]:
    signed = key.sign(iou_message(tag, amount)).signature.hex()
    found = {"channelId": tag.hex(), "maxClaimableAmount": str(amount), "signature": signed}
    return found if ref is None else {**found, "channelRef": str(ref)}


def coded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def witness(raw: bytes, *wallets: Wallet) -> str:
    """A witness set of the wallets for the transaction, as ``providerWitness``."""
    this = decode_transaction(raw).id
    return cbor2.dumps({0: [list(wallet.sign(this)) for wallet in wallets]}).hex()


def iou(tag: bytes, amount: int) -> bytes:
    return IOU_KEY.sign(iou_message(tag, amount)).signature
