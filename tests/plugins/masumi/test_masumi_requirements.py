"""Each rule about the requirements of the transfer method broken once: its reason."""

import base64
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from facilitator.cardano.addresses.address import format_address
from facilitator.testing.payments import BOB, MERCHANT, request_body
from facilitator.testing.running import Running
from facilitator.x402.reasons import Reason
from facilitator_masumi.reasons import MasumiReason
from support.masumi import (
    ESCROW_BYTES,
    MINUTE,
    NOW_MS,
    SELLER,
    Change,
    body_part,
    commitment,
    digest,
    identifier,
    lock,
    offer,
    sign_terms,
    signed_terms,
)
from support.masumi_refusals import REQUIREMENTS, drop, put, refusal
from support.web import Client

REGISTRY = "67ab0c92c4ac1610895a1c965ee50aba41a8f1513b15240723b3bd0b"
SCRIPT_HASH = ESCROW_BYTES[1:]

extra = partial(put, "extra")
terms = partial(put, "extra", "terms")
committed = partial(put, "extra", "inputCommitment")
PART = ("extra", "inputCommitment", "parts", 0)
SCRIPT_ADDRESS = format_address(b"\x70" + SCRIPT_HASH)
SCRIPT_STAKE = format_address(b"\x20" + SELLER.address[1:29] + SCRIPT_HASH)
POINTER = format_address(b"\x40" + SELLER.address[1:29] + b"\x01\x02\x03")
MAINNET = format_address(b"\x61" + SELLER.address[1:29])

SCHEMA = {
    "an unknown field": (extra("tip", value="1"), "extra.tip"),
    "a fee that is sponsored": (extra("areFeesSponsored", value=True), "areFeesSponsored"),
    "no commitment": (drop("extra", "inputCommitment"), "inputCommitment"),
    "a commitment of another version": (committed("version", value="2"), "version"),
    "another algorithm": (committed("algorithm", value="sha512"), "algorithm"),
    "an unknown field of the commitment": (committed("salt", value=""), "salt"),
    "no parts": (committed("parts", value=[]), "parts"),
    "parts of one name": (committed("parts", value=[body_part(1), body_part(2)]), "parts"),
    "a part that is none": (committed("parts", value=["body"]), "parts[0]"),
    "an unknown field of a part": (put(*PART, "size", value=1), "parts[0].size"),
    "a part without a name": (put(*PART, "name", value=""), "parts[0].name"),
    "an unknown canonicalization": (
        put(*PART, "canonicalization", value="none"),
        "canonicalization",
    ),
    "a media type that is no text": (put(*PART, "mediaType", value=None), "mediaType"),
    "a part's digest in capitals": (put(*PART, "digest", value="AB" * 32), "parts[0].digest"),
    "a digest that is cut short": (committed("digest", value="ab"), "inputCommitment.digest"),
    "terms that are none": (extra("terms", value=None), "extra.terms"),
    "a field that is signed from elsewhere": (terms("amount", value="6000000"), "terms.amount"),
    "terms of another version": (terms("version", value=1), "terms.version"),
    "another generation of the contract": (
        terms("paymentType", value="Web3CardanoV1"),
        "paymentType",
    ),
    "a seller that is a script": (terms("sellerAddress", value=SCRIPT_ADDRESS), "sellerAddress"),
    "a seller whose stake is a script": (
        terms("sellerAddress", value=SCRIPT_STAKE),
        "sellerAddress",
    ),
    "a seller with a pointer": (terms("sellerAddress", value=POINTER), "sellerAddress"),
    "a seller elsewhere": (terms("sellerAddress", value=MAINNET), "network"),
    "a seller that is no address": (terms("sellerAddress", value="addr_test1"), "sellerAddress"),
    "a return address that is null": (
        terms("sellerReturnAddress", value=None),
        "sellerReturnAddress",
    ),
    "a seller's nonce that is short": (terms("sellerNonce", value="ab"), "sellerNonce"),
    "a buyer's nonce that is short": (terms("buyerNonce", value="ab" * 6), "buyerNonce"),
    "no buyer's nonce": (drop("extra", "terms", "buyerNonce"), "buyerNonce"),
    "an agent in capitals": (terms("agentIdentifier", value=REGISTRY.upper()), "agentIdentifier"),
    "a hash of another commitment": (terms("inputHash", value="ab" * 32), "inputHash"),
    "a time that is a number": (terms("payByTime", value=NOW_MS), "payByTime"),
    "a time with a leading zero": (terms("unlockTime", value="01"), "unlockTime"),
    "a time beyond all calendars": (
        terms("externalDisputeUnlockTime", value="9" * 17),
        "externalDisputeUnlockTime",
    ),
    "no reference key": (drop("extra", "referenceKey"), "referenceKey"),
    "a signature of unusual length": (
        extra("referenceSignature", value="ab" * 2049),
        "referenceSignature",
    ),
    "an empty signature": (extra("referenceSignature", value=""), "referenceSignature"),
    "an identifier in capitals": (
        extra("blockchainIdentifier", value="AB"),
        "blockchainIdentifier",
    ),
}
KEYS = ["ab" * 28, "cd" * 28]
DEPLOYMENT = {"requiredAdmins": "2", "adminVkeys": KEYS, "cooldownPeriod": "0"}
SCHEMA |= {
    f"a deployment with {name}": (extra("deployment", value=value), "extra.deployment")
    for name, value in {
        "nothing in it": None,
        "an unknown field": {**DEPLOYMENT, "script": ""},
        "no administrators": {**DEPLOYMENT, "adminVkeys": []},
        "half a key": {**DEPLOYMENT, "adminVkeys": ["ab"]},
        "more votes than keys": {**DEPLOYMENT, "requiredAdmins": "3"},
        "no vote": {**DEPLOYMENT, "requiredAdmins": "0"},
        "a period below 0": {**DEPLOYMENT, "cooldownPeriod": "-1"},
    }.items()
}


@pytest.mark.parametrize(("change", "named"), SCHEMA.values(), ids=SCHEMA)
def test_the_closed_schema(asked: Running, change: Change, named: str) -> None:
    reason, message = refusal(asked, offer(after=change))
    assert reason == REQUIREMENTS + "schema"
    assert named in message


def committing(part: dict[str, Any]) -> Change:
    """Commit to that part alone, with digests that belong together otherwise."""

    def change(requirements: dict[str, Any]) -> None:
        requirements["extra"]["inputCommitment"] = commitment([part])
        requirements["extra"]["terms"]["inputHash"] = commitment([part])["digest"]

    return change


RAW = {"name": "raw", "canonicalization": "raw", "digest": "ab" * 32}


@pytest.mark.parametrize(
    "part",
    [
        {**body_part({"days": 3}), "content": {"days": 4}},
        {**body_part("x"), "canonicalization": "raw"},
        {**RAW, "content": base64.b64encode(b"\xff\xfe").decode()},
        {**RAW, "content": "/w"},
        {**RAW, "content": "_x"},
        {**RAW, "content": 1},
    ],
    ids=["other content", "short", "padded", "not base64url", "spare bits", "no text"],
)
def test_a_part_that_is_not_its_digest(asked: Running, part: dict[str, Any]) -> None:
    reason, message = refusal(asked, offer(before=committing(part)))
    assert reason == REQUIREMENTS + "commitment"
    assert part["name"] in message


def test_a_commitment_that_is_not_its_parts(asked: Running) -> None:
    def change(requirements: dict[str, Any]) -> None:
        requirements["extra"]["inputCommitment"]["digest"] = "ab" * 32
        requirements["extra"]["terms"]["inputHash"] = "ab" * 32

    reason, message = refusal(asked, offer(before=change))
    assert reason == REQUIREMENTS + "commitment"
    assert "inputCommitment.digest" in message


# --- Deployment, signature, agent, identifier ---------------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (put("payTo", value=MERCHANT.bech32), "canonical escrow"),
        (put("payTo", value=format_address(b"\x10" + SCRIPT_HASH + bytes(28))), "canonical"),
        (extra("deployment", value=DEPLOYMENT), "not allowed"),
    ],
    ids=["another address", "with a stake part", "parameters of its own"],
)
def test_another_escrow(asked: Running, change: Change, named: str) -> None:
    reason, message = refusal(asked, offer(before=change))
    assert reason == REQUIREMENTS + "deployment"
    assert named in message


def test_a_network_without_a_canonical_escrow(run: Callable[..., Running]) -> None:
    asked = run(plugins="devnet,memory,masumi", network="cardano:preview")
    refused = offer(before=put("network", value="cardano:preview"))
    answer = asked.verify(request_body(lock(offer(), ttl=asked.slot + 300), refused))
    assert answer["invalidReason"] == REQUIREMENTS + "deployment"
    assert "cardano:preview has no canonical deployment" in answer["invalidMessage"]


@pytest.mark.parametrize(
    "path",
    [
        ("amount",),
        ("maxTimeoutSeconds",),
        ("extra", "terms", "sellerNonce"),
        ("extra", "terms", "unlockTime"),
        ("extra", "terms", "sellerReturnAddress"),
    ],
    ids=lambda path: path[-1],
)
def test_terms_that_the_seller_did_not_sign(asked: Running, path: tuple[str, ...]) -> None:
    values = {
        "amount": "5999999",
        "maxTimeoutSeconds": 601,
        "sellerNonce": "cd" * 32,
        "unlockTime": str(NOW_MS + 41 * MINUTE),
        "sellerReturnAddress": BOB.bech32,
    }
    reason, message = refusal(asked, offer(after=put(*path, value=values[path[-1]])))
    assert reason == REQUIREMENTS + "seller_signature"
    assert "other terms" in message


def test_terms_that_somebody_else_signed(asked: Running) -> None:
    """Each with what the seller's has: the key, the address, or both kinds of one."""

    def by(wallet: Any, address: bytes) -> Change:
        def change(requirements: dict[str, Any]) -> None:
            payload = digest("masumi:x402:terms:v1", signed_terms(requirements))
            signed = sign_terms(payload, wallet, address)
            requirements["extra"]["referenceKey"] = signed[0]
            requirements["extra"]["referenceSignature"] = signed[1]

        return change

    for wallet, address in (
        (BOB, BOB.address),
        (BOB, SELLER.address),
        (SELLER, SELLER.enterprise_address),
    ):
        reason, _ = refusal(asked, offer(after=by(wallet, address)))
        assert reason == REQUIREMENTS + "seller_signature"


def test_a_signature_that_does_not_hold(asked: Running) -> None:
    def change(requirements: dict[str, Any]) -> None:
        signature = bytearray.fromhex(requirements["extra"]["referenceSignature"])
        signature[-1] ^= 1
        requirements["extra"]["referenceSignature"] = signature.hex()

    reason, message = refusal(asked, offer(after=change))
    assert reason == REQUIREMENTS + "seller_signature"
    assert "does not hold" in message


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        ("ab" * 30, "must begin"),
        (REGISTRY + "01", "32 bytes"),
        (REGISTRY + "0f" + "ab" * 31, "32 bytes"),
    ],
)
def test_a_claim_to_be_registered(asked: Running, agent: str, named: str) -> None:
    reason, message = refusal(asked, offer(before=terms("agentIdentifier", value=agent)))
    assert reason == REQUIREMENTS + "agent_identifier"
    assert named in message


@pytest.mark.parametrize("other", ["buyerNonce", "payTo"])
def test_an_identifier_of_other_terms(asked: Running, other: str) -> None:
    def change(requirements: dict[str, Any]) -> None:
        extra = requirements["extra"]
        altered = {**extra, "terms": {**extra["terms"], "buyerNonce": "01" * 7}}
        extra["blockchainIdentifier"] = (
            identifier(altered, requirements["payTo"])
            if other == "buyerNonce"
            else identifier(extra, MERCHANT.bech32)
        )

    assert refusal(asked, offer(after=change))[0] == REQUIREMENTS + "identifier"


def test_the_openapi_document_lists_its_reasons(asked: Running) -> None:
    document = Client(asked.server.port).call("GET", "/openapi.json").json
    known, _ = document["components"]["schemas"]["Reason"]["anyOf"]
    assert known["enum"] == sorted({*Reason, *MasumiReason})
