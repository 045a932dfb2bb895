"""A seller that offers and a buyer that locks under Masumi's escrow, as the specification says.

Made without the plugin's own code, so that the two can be held against each other.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple

import cbor2
from lzstring import LZString

from facilitator.cardano.addresses.address import parse_address
from facilitator.cardano.transaction import AssetId, Output, OutputRef
from facilitator.testing.payments import ALICE, MAX_TIMEOUT_SECONDS, genesis_utxos
from facilitator.testing.running import NETWORK, NOW
from facilitator_devnet.genesis import TEST_TOKEN
from facilitator_devnet.wallet import SET_TAG, Wallet, sign

SELLER = Wallet("masumi seller")
ESCROW = "addr_test1wzs4e6wc95hkwezlccjw9mdvq0r0rsgx6zk34avptga3ftgn37w4g"
"""The canonical escrow of the test networks, by the specification's vectors."""
ESCROW_BYTES = parse_address(ESCROW)
NOW_MS = int(NOW * 1000)
MINUTE = 60_000
FEE = 400_000
COLLATERAL = 6_000_000
"""Lovelace beside a token, more than any datum here needs."""

Change = Callable[[dict[str, Any]], None]


def canonical(value: Any) -> bytes:
    """RFC 8785 for what tests use: texts in ASCII and small whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def digest(domain: str, value: Any) -> str:
    return sha256(f"{domain}\n".encode() + canonical(value)).hexdigest()


# --- The seller -------------------------------------------------------------------------------


def commitment(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The commitment to parts whose own digests are there."""
    manifest: dict[str, Any] = {"version": "1", "algorithm": "sha256", "parts": parts}
    bare = [{name: part[name] for name in part if name != "content"} for part in parts]
    return {**manifest, "digest": digest("masumi:x402:input:v1", {**manifest, "parts": bare})}


def body_part(content: Any) -> dict[str, Any]:
    return {
        "name": "body",
        "canonicalization": "jcs",
        "mediaType": "application/json",
        "content": content,
        "digest": sha256(canonical(content)).hexdigest(),
    }


def sign_terms(terms_digest: str, wallet: Wallet = SELLER, address: bytes | None = None) -> Any:
    """``referenceKey`` and ``referenceSignature``, as CIP-30's ``signData`` gives them."""
    protected = cbor2.dumps({1: -8, "address": wallet.address if address is None else address})
    payload = bytes.fromhex(terms_digest)
    structure = cbor2.dumps(["Signature1", protected, b"", payload])
    signature = wallet.payment_key.sign(structure).signature
    key = cbor2.dumps({1: 1, 3: -8, -1: 6, -2: bytes(wallet.payment_key.verify_key)})
    return key.hex(), cbor2.dumps([protected, {"hashed": False}, payload, signature]).hex()


def signed_terms(requirements: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **requirements["extra"]["terms"],
        "scheme": requirements["scheme"],
        "assetTransferMethod": requirements["extra"]["assetTransferMethod"],
        "network": requirements["network"],
        "contractAddress": requirements["payTo"],
        "amount": requirements["amount"],
        "asset": requirements["asset"],
        "maxTimeoutSeconds": requirements["maxTimeoutSeconds"],
    }


def identifier(extra: Mapping[str, Any], pay_to: str) -> str:
    terms = extra["terms"]
    text = ".".join(
        (
            terms["sellerNonce"] + (terms.get("agentIdentifier") or ""),
            terms["buyerNonce"],
            extra["referenceSignature"],
            extra["referenceKey"],
            pay_to,
        )
    )
    compressed: str = LZString.compress(text)
    return compressed.encode("utf-16-be", "surrogatepass").hex()


def authorize(requirements: dict[str, Any]) -> None:
    """Sign the requirements as they are, and give them their identifier."""
    extra = requirements["extra"]
    terms_digest = digest("masumi:x402:terms:v1", signed_terms(requirements))
    extra["referenceKey"], extra["referenceSignature"] = sign_terms(terms_digest)
    extra["blockchainIdentifier"] = identifier(extra, requirements["payTo"])


def offer(
    number: int = 0,
    *,
    amount: int = 6_000_000,
    asset: AssetId | None = None,
    before: Change | None = None,
    after: Change | None = None,
) -> dict[str, Any]:
    """Requirements of a seller; those of different numbers are different offers.

    ``before`` changes them before they are signed, ``after`` afterwards.
    """
    parts = [body_part({"days": 3, "units": "metric"})]
    committed = commitment(parts)
    requirements = {
        "scheme": "exact",
        "network": NETWORK,
        "amount": str(amount),
        "asset": "lovelace" if asset is None else f"{asset[:28].hex()}.{asset[28:].hex()}",
        "payTo": ESCROW,
        "maxTimeoutSeconds": MAX_TIMEOUT_SECONDS,
        "extra": {
            "assetTransferMethod": "masumi",
            "inputCommitment": committed,
            "terms": {
                "version": "1",
                "paymentType": "Web3CardanoV2",
                "sellerAddress": SELLER.bech32,
                "sellerNonce": sha256(str(number).encode()).hexdigest(),
                "buyerNonce": "",
                "inputHash": committed["digest"],
                "payByTime": str(NOW_MS + 10 * MINUTE),
                "submitResultTime": str(NOW_MS + 20 * MINUTE),
                "unlockTime": str(NOW_MS + 40 * MINUTE),
                "externalDisputeUnlockTime": str(NOW_MS + 60 * MINUTE),
            },
        },
    }
    if before is not None:
        before(requirements)
    authorize(requirements)
    if after is not None:
        after(requirements)
    return requirements


# --- The buyer --------------------------------------------------------------------------------


class Constr(NamedTuple):
    """A constructor of Plutus data."""

    alternative: int
    fields: Sequence[Any]


NONE = Constr(1, ())


def plutus(value: Any) -> bytes:
    """Plutus data in the encoding that most tools write."""
    if isinstance(value, Constr):
        head = cbor2.dumps(cbor2.CBORTag(121 + value.alternative, []))[:-1]
        fields = b"".join(plutus(field) for field in value.fields)
        return head + (b"\x9f" + fields + b"\xff" if value.fields else b"\x80")
    if isinstance(value, bytes) and len(value) > 64:
        chunks = [value[at : at + 64] for at in range(0, len(value), 64)]
        return b"\x5f" + b"".join(cbor2.dumps(chunk) for chunk in chunks) + b"\xff"
    return cbor2.dumps(value)


def key_credential(key_hash: bytes) -> Constr:
    return Constr(0, (key_hash,))


def party(address: bytes) -> Constr:
    """A base or enterprise address of keys."""
    stake = address[29:]
    option = Constr(0, (Constr(0, (key_credential(stake),)),)) if stake else NONE
    return Constr(0, (key_credential(address[1:29]), option))


def some(value: Any) -> Constr:
    return Constr(0, (value,))


def datum_fields(requirements: Mapping[str, Any], buyer: bytes, collateral: int = 0) -> list[Any]:
    """The 19 fields of a lock under the requirements."""
    extra = requirements["extra"]
    terms = extra["terms"]
    seller_return = terms.get("sellerReturnAddress")
    return [
        party(buyer),
        NONE,
        party(parse_address(terms["sellerAddress"])),
        some(party(parse_address(seller_return))) if seller_return else NONE,
        bytes.fromhex(extra["referenceKey"]),
        bytes.fromhex(extra["referenceSignature"]),
        bytes.fromhex(terms["sellerNonce"]),
        bytes.fromhex(terms["buyerNonce"]),
        bytes.fromhex(terms.get("agentIdentifier") or ""),
        collateral,
        bytes.fromhex(terms["inputHash"]),
        b"",
        int(terms["payByTime"]),
        int(terms["submitResultTime"]),
        int(terms["unlockTime"]),
        int(terms["externalDisputeUnlockTime"]),
        0,
        0,
        Constr(0, ()),
    ]


def escrow_output(lovelace: int, assets: Any, datum: bytes | None, **fields: Any) -> dict[int, Any]:
    """An output to the escrow; ``fields`` are further ones by number, such as ``_3=script``."""
    output: dict[int, Any] = {0: ESCROW_BYTES, 1: [lovelace, assets] if assets else lovelace}
    if datum is not None:
        output[2] = [1, cbor2.CBORTag(24, datum)]
    return output | {int(name[1:]): value for name, value in fields.items()}


def coins(number: int, *, token: bool = False, wallet: Wallet = ALICE) -> OutputRef:
    """One of the wallet's outputs at genesis."""
    held = genesis_utxos(wallet).items()
    return [ref for ref, output in held if bool(output.value.assets) == token][number]


def locking(
    outputs: Sequence[dict[int, Any]],
    ref: OutputRef,
    *,
    ttl: int | None,
    wallet: Wallet = ALICE,
    also: tuple[OutputRef, Wallet] | None = None,
    known: Mapping[OutputRef, Output] = MappingProxyType({}),
) -> bytes:
    """A signed transaction from one output to these, and the change.

    ``also`` is another output and its wallet, which signs as well. ``known`` has outputs that were
    made after genesis.
    """
    spent = [(ref, wallet), *([] if also is None else [also])]
    held = [(genesis_utxos(owner) | dict(known))[owned].value for owned, owner in spent]
    lovelace = sum(value.lovelace for value in held) - FEE
    assets: Counter[bytes] = Counter()
    for value in held:
        assets.update(value.assets)
    for output in outputs:
        amount = output[1]
        paid, bundle = amount if isinstance(amount, list) else (amount, {})
        lovelace -= paid
        for policy, names in bundle.items():
            assets.subtract({policy + name: quantity for name, quantity in names.items()})
    left: dict[bytes, dict[bytes, int]] = {}
    for asset in +assets:
        left.setdefault(asset[:28], {})[asset[28:]] = assets[asset]
    change = {0: wallet.address, 1: [lovelace, left] if left else lovelace}
    body: dict[int, Any] = {
        0: cbor2.CBORTag(SET_TAG, [list(owned) for owned, _ in spent]),
        1: [*outputs, change],
        2: FEE,
    }
    if ttl is not None:
        body[3] = ttl
    return sign(cbor2.dumps(body), [owner.payment_key for _, owner in spent])


def lock(
    requirements: Mapping[str, Any],
    *,
    ttl: int,
    number: int = 0,
    wallet: Wallet = ALICE,
    change: Callable[[list[Any]], None] | None = None,
    known: Mapping[OutputRef, Output] = MappingProxyType({}),
) -> bytes:
    """A transaction that locks what the requirements ask for; ``change`` alters the datum.

    It spends the first output of ``known``, if there is one.
    """
    token = requirements["asset"] != "lovelace"
    amount = int(requirements["amount"])
    collateral = COLLATERAL if token else 0
    fields = datum_fields(requirements, wallet.address, collateral)
    if change is not None:
        change(fields)
    assets = {TEST_TOKEN[:28]: {TEST_TOKEN[28:]: amount}} if token else {}
    output = escrow_output(
        collateral if token else amount,
        assets,
        plutus(Constr(0, tuple(fields))),
        _0=parse_address(requirements["payTo"]),
    )
    ref = next(iter(known), None) or coins(number, token=token, wallet=wallet)
    return locking([output], ref, ttl=ttl, wallet=wallet, known=known)
