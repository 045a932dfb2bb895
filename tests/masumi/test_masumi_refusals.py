"""Each rule of the transfer method broken once: its reason, and what the message names."""

import base64
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import cbor2
import pytest

from facilitator.cardano.address import format_address
from facilitator_devnet.genesis import TEST_TOKEN
from support.masumi import (
    ESCROW_BYTES,
    MINUTE,
    NONE,
    NOW_MS,
    SELLER,
    Change,
    Constr,
    authorize,
    body_part,
    coins,
    commitment,
    datum_fields,
    digest,
    escrow_output,
    identifier,
    key_credential,
    lock,
    locking,
    offer,
    party,
    plutus,
    sign_terms,
    signed_terms,
    some,
)
from support.payments import ALICE, BOB, MERCHANT, request_body
from support.running import Running

REQUIREMENTS = "invalid_exact_cardano_requirements_masumi_"
PAYLOAD = "invalid_exact_cardano_payload_masumi_"
REGISTRY = "67ab0c92c4ac1610895a1c965ee50aba41a8f1513b15240723b3bd0b"
SCRIPT_HASH = ESCROW_BYTES[1:]
GROWN = 2_700_000
"""Lovelace that a lock of the least size does with, but not once it has its result."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    environ = {
        "FACILITATOR_PLUGINS": "devnet,memory,masumi",
        "FACILITATOR_RESERVATION__TTL_SECONDS": "0",
    }
    with closing(Running(tmp_path_factory.mktemp("masumi"), settings=environ)) as started:
        yield started


def refusal(running: Running, terms: dict[str, Any], transaction: bytes | None = None) -> Any:
    """The reason and the message, over HTTP; from ``/settle`` they are the same."""
    raw = transaction or lock(offer(), ttl=running.slot + 300)
    request = request_body(raw, terms)
    answer = running.verify(request)
    assert answer["isValid"] is False
    settled = running.settle(request)
    assert settled["success"] is False
    assert settled["errorReason"] == answer["invalidReason"]
    return answer["invalidReason"], answer["invalidMessage"]


def put(*path: str | int, value: Any) -> Change:
    """Set what lies at the path in the requirements."""

    def change(requirements: dict[str, Any]) -> None:
        at: Any = requirements
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = value

    return change


def drop(*path: str) -> Change:
    def change(requirements: dict[str, Any]) -> None:
        at: Any = requirements
        for name in path[:-1]:
            at = at[name]
        del at[path[-1]]

    return change


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
def test_the_closed_schema(running: Running, change: Change, named: str) -> None:
    reason, message = refusal(running, offer(after=change))
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
def test_a_part_that_is_not_its_digest(running: Running, part: dict[str, Any]) -> None:
    reason, message = refusal(running, offer(before=committing(part)))
    assert reason == REQUIREMENTS + "commitment"
    assert part["name"] in message


def test_a_commitment_that_is_not_its_parts(running: Running) -> None:
    def change(requirements: dict[str, Any]) -> None:
        requirements["extra"]["inputCommitment"]["digest"] = "ab" * 32
        requirements["extra"]["terms"]["inputHash"] = "ab" * 32

    reason, message = refusal(running, offer(before=change))
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
def test_another_escrow(running: Running, change: Change, named: str) -> None:
    reason, message = refusal(running, offer(before=change))
    assert reason == REQUIREMENTS + "deployment"
    assert named in message


def test_a_network_without_a_canonical_escrow(run: Callable[..., Running]) -> None:
    running = run(plugins="devnet,memory,masumi", network="cardano:preview")
    refused = offer(before=put("network", value="cardano:preview"))
    answer = running.verify(request_body(lock(offer(), ttl=running.slot + 300), refused))
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
def test_terms_that_the_seller_did_not_sign(running: Running, path: tuple[str, ...]) -> None:
    values = {
        "amount": "5999999",
        "maxTimeoutSeconds": 601,
        "sellerNonce": "cd" * 32,
        "unlockTime": str(NOW_MS + 41 * MINUTE),
        "sellerReturnAddress": BOB.bech32,
    }
    reason, message = refusal(running, offer(after=put(*path, value=values[path[-1]])))
    assert reason == REQUIREMENTS + "seller_signature"
    assert "other terms" in message


def test_terms_that_somebody_else_signed(running: Running) -> None:
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
        reason, _ = refusal(running, offer(after=by(wallet, address)))
        assert reason == REQUIREMENTS + "seller_signature"


def test_a_signature_that_does_not_hold(running: Running) -> None:
    def change(requirements: dict[str, Any]) -> None:
        signature = bytearray.fromhex(requirements["extra"]["referenceSignature"])
        signature[-1] ^= 1
        requirements["extra"]["referenceSignature"] = signature.hex()

    reason, message = refusal(running, offer(after=change))
    assert reason == REQUIREMENTS + "seller_signature"
    assert "does not hold" in message


@pytest.mark.parametrize(
    ("agent", "named"), [("ab" * 30, "must begin"), (REGISTRY + "01", "does not look up")]
)
def test_a_claim_to_be_registered(running: Running, agent: str, named: str) -> None:
    reason, message = refusal(running, offer(before=terms("agentIdentifier", value=agent)))
    assert reason == REQUIREMENTS + "agent_identifier"
    assert named in message


@pytest.mark.parametrize("other", ["buyerNonce", "payTo"])
def test_an_identifier_of_other_terms(running: Running, other: str) -> None:
    def change(requirements: dict[str, Any]) -> None:
        extra = requirements["extra"]
        altered = {**extra, "terms": {**extra["terms"], "buyerNonce": "01" * 7}}
        extra["blockchainIdentifier"] = (
            identifier(altered, requirements["payTo"])
            if other == "buyerNonce"
            else identifier(extra, MERCHANT.bech32)
        )

    assert refusal(running, offer(after=change))[0] == REQUIREMENTS + "identifier"


# --- Deadlines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "minutes"),
    [("submitResultTime", 15), ("unlockTime", 35), ("externalDisputeUnlockTime", 55)],
)
def test_deadlines_that_follow_too_soon(running: Running, name: str, minutes: int) -> None:
    """10, 20, 40 and 60 minutes from now; 5, 15 and 15 are the least between them."""
    at = NOW_MS + minutes * MINUTE
    good = offer(before=terms(name, value=str(at)))
    assert running.verify(request_body(lock(good, ttl=running.slot + 300), good))["isValid"]
    reason, message = refusal(running, offer(before=terms(name, value=str(at - 1))))
    assert reason == PAYLOAD + "deadline"
    assert name in message


def test_a_lock_that_may_land_after_the_deadline(running: Running) -> None:
    soon = offer(before=terms("payByTime", value=str(NOW_MS + 5 * MINUTE)))
    valid = running.verify(request_body(lock(soon, ttl=running.slot + 300), soon))
    assert valid["isValid"] is True
    reason, message = refusal(running, soon, lock(soon, ttl=running.slot + 301))
    assert reason == PAYLOAD + "deadline"
    assert "payByTime" in message


def test_a_lock_without_an_end(running: Running) -> None:
    agreed = offer()
    datum = plutus(Constr(0, tuple(datum_fields(agreed, ALICE.address))))
    raw = locking([escrow_output(6_000_000, {}, datum)], coins(0), ttl=None)
    assert refusal(running, agreed, raw)[0] == PAYLOAD + "deadline"


# --- The datum ----------------------------------------------------------------------------------

OTHER = party(BOB.address)
ESCROW_PARTY = Constr(0, (Constr(1, (SCRIPT_HASH,)), NONE))
DATUM_FIELDS = {
    "another buyer": (0, OTHER, "mismatch"),
    "a buyer that is a script": (0, Constr(0, (Constr(1, (bytes(28),)), NONE)), "invalid"),
    "a buyer whose stake is a script": (
        0,
        Constr(
            0,
            (
                key_credential(ALICE.address[1:29]),
                some(Constr(0, (Constr(1, (SCRIPT_HASH,)),))),
            ),
        ),
        "invalid",
    ),
    "a buyer with a pointer": (
        0,
        Constr(0, (key_credential(ALICE.address[1:29]), some(Constr(1, (1, 2, 3))))),
        "invalid",
    ),
    "the escrow as the buyer": (0, ESCROW_PARTY, "invalid"),
    "the escrow to return to": (1, some(ESCROW_PARTY), "invalid"),
    "the seller to return to": (1, some(party(SELLER.address)), "invalid"),
    "another seller": (2, OTHER, "mismatch"),
    "the escrow as the seller": (2, ESCROW_PARTY, "invalid"),
    "a seller without its stake": (2, party(SELLER.enterprise_address), "mismatch"),
    "a return address that was not signed": (3, some(OTHER), "mismatch"),
    "another key": (4, b"\x01" * 40, "mismatch"),
    "another signature": (5, b"\x01" * 40, "mismatch"),
    "a short signature": (5, b"\x01" * 15, "invalid"),
    "another seller's nonce": (6, b"\x01" * 32, "mismatch"),
    "another buyer's nonce": (7, b"\x01" * 7, "mismatch"),
    "an agent": (8, b"\x01", "mismatch"),
    "another hash": (10, b"\x01" * 32, "mismatch"),
    "a result": (11, b"\x01" * 32, "invalid"),
    "an earlier time to pay by": (12, NOW_MS + 9 * MINUTE, "mismatch"),
    "a later time for the result": (13, NOW_MS + 21 * MINUTE, "mismatch"),
    "another time to unlock": (14, NOW_MS + 39 * MINUTE, "mismatch"),
    "another time for disputes": (15, NOW_MS + 61 * MINUTE, "mismatch"),
    "a cooldown of the seller": (16, 1, "invalid"),
    "a cooldown of the buyer": (17, 1, "invalid"),
    "another state": (18, Constr(1, ()), "invalid"),
    "a state with a field": (18, Constr(0, (0,)), "invalid"),
    "a number for a text": (4, 1, "invalid"),
    "a text for a number": (12, b"\x01", "invalid"),
    "a hash that is cut short": (0, Constr(0, (key_credential(bytes(27)), NONE)), "invalid"),
}


@pytest.mark.parametrize(("place", "value", "reason"), DATUM_FIELDS.values(), ids=DATUM_FIELDS)
def test_each_field_of_the_datum(running: Running, place: int, value: Any, reason: str) -> None:
    agreed = offer()
    raw = lock(
        agreed, ttl=running.slot + 300, change=lambda fields: fields.__setitem__(place, value)
    )
    assert refusal(running, agreed, raw)[0] == f"{PAYLOAD}datum_{reason}"


def test_a_datum_of_another_shape(running: Running) -> None:
    agreed = offer()
    fields = datum_fields(agreed, ALICE.address)
    for datum in (
        plutus(Constr(1, fields)),
        plutus(Constr(0, fields[:-1])),
        plutus(Constr(0, [*fields, 0])),
        plutus(0),
        plutus(b""),
        b"\x80",
    ):
        raw = locking([escrow_output(6_000_000, {}, datum)], coins(0), ttl=running.slot + 300)
        assert refusal(running, agreed, raw)[0] == PAYLOAD + "datum_invalid"


def test_a_buyer_who_did_not_sign(running: Running) -> None:
    """Bob pays, and signs, for a buyer who would get the refund and did not."""
    agreed = offer()
    datum = plutus(Constr(0, datum_fields(agreed, ALICE.address)))
    raw = locking(
        [escrow_output(6_000_000, {}, datum)],
        coins(0, wallet=BOB),
        ttl=running.slot + 300,
        wallet=BOB,
    )
    reason, message = refusal(running, agreed, raw)
    assert reason == PAYLOAD + "datum_mismatch"
    assert "signed" in message


def test_a_buyer_who_signed_but_does_not_own_the_nonce(running: Running) -> None:
    agreed = offer()
    datum = plutus(Constr(0, datum_fields(agreed, ALICE.address)))
    ref, theirs = coins(0), coins(0, wallet=BOB)
    raw = locking(
        [escrow_output(6_000_000, {}, datum)],
        ref,
        ttl=running.slot + 300,
        also=(theirs, BOB),
    )
    assert running.verify(request_body(raw, agreed, nonce=ref))["isValid"] is True
    answer = running.verify(request_body(raw, agreed, nonce=theirs))
    assert answer["invalidReason"] == PAYLOAD + "datum_mismatch"
    assert "nonce" in answer["invalidMessage"]


# --- The output ---------------------------------------------------------------------------------


def outputs(
    running: Running, *made: dict[int, Any], agreed: dict[str, Any], token: bool = False
) -> Any:
    raw = locking(made, coins(0, token=token), ttl=running.slot + 300)
    return refusal(running, agreed, raw)


def lock_datum(agreed: dict[str, Any], collateral: int = 0) -> bytes:
    return plutus(Constr(0, datum_fields(agreed, ALICE.address, collateral)))


def test_the_escrow_is_not_paid(running: Running) -> None:
    agreed = offer()
    elsewhere = {0: MERCHANT.address, 1: 6_000_000}
    reason, _ = outputs(running, elsewhere, agreed=agreed)
    assert reason == "invalid_exact_cardano_payload_recipient_mismatch"


def test_the_escrow_is_paid_too_little(running: Running) -> None:
    agreed = offer()
    output = escrow_output(5_999_999, {}, lock_datum(agreed))
    reason, _ = outputs(running, output, agreed=agreed)
    assert reason == "invalid_exact_cardano_payload_amount_insufficient"


def test_two_outputs_to_the_escrow(running: Running) -> None:
    agreed = offer()
    output = escrow_output(6_000_000, {}, lock_datum(agreed))
    reason, _ = outputs(running, output, output, agreed=agreed)
    assert reason == PAYLOAD + "escrow_output_count"


def test_no_datum_in_the_output(running: Running) -> None:
    agreed = offer()
    hashed = escrow_output(6_000_000, {}, None, _2=[0, bytes(32)])
    for output in (escrow_output(6_000_000, {}, None), hashed):
        assert outputs(running, output, agreed=agreed)[0] == PAYLOAD + "datum_missing"


def test_a_reference_script_in_the_output(running: Running) -> None:
    agreed = offer()
    script = cbor2.CBORTag(24, cbor2.dumps([0, [0, bytes(28)]]))
    output = escrow_output(6_000_000, {}, lock_datum(agreed), _3=script)
    assert outputs(running, output, agreed=agreed)[0] == PAYLOAD + "reference_script"


@pytest.mark.parametrize(
    ("locked", "collateral"),
    [(6_000_001, 0), (7_435_229, 1_435_229), (6_000_000, 1_435_230), (6_000_000, -1)],
    ids=["more than asked", "too little", "not there", "below 0"],
)
def test_collateral(running: Running, locked: int, collateral: int) -> None:
    agreed = offer()
    output = escrow_output(locked, {}, lock_datum(agreed, collateral))
    assert outputs(running, output, agreed=agreed)[0] == PAYLOAD + "collateral"


def test_collateral_of_the_least_size(running: Running) -> None:
    agreed = offer()
    output = escrow_output(7_435_230, {}, lock_datum(agreed, 1_435_230))
    raw = locking([output], coins(0), ttl=running.slot + 300)
    assert running.verify(request_body(raw, agreed))["isValid"] is True


def test_another_token_beside(running: Running) -> None:
    agreed = offer()
    policy, name = TEST_TOKEN[:28], TEST_TOKEN[28:]
    output = escrow_output(6_000_000, {policy: {name: 1}}, lock_datum(agreed))
    assert outputs(running, output, agreed=agreed, token=True)[0] == PAYLOAD + "asset"


def test_more_of_the_token_than_asked(running: Running) -> None:
    agreed = offer(asset=TEST_TOKEN)
    policy, name = TEST_TOKEN[:28], TEST_TOKEN[28:]
    output = escrow_output(6_000_000, {policy: {name: 6_000_001}}, lock_datum(agreed, 6_000_000))
    assert outputs(running, output, agreed=agreed, token=True)[0] == PAYLOAD + "asset"


def test_too_little_for_the_result(running: Running) -> None:
    agreed = offer(amount=GROWN)
    output = escrow_output(GROWN, {}, lock_datum(agreed))
    reason, message = outputs(running, output, agreed=agreed)
    assert reason == PAYLOAD + "min_utxo"
    assert str(GROWN) in message


def test_authorizing_again_heals_it(running: Running) -> None:
    """So that the refusals above come from what they changed."""

    def change(requirements: dict[str, Any]) -> None:
        requirements["extra"]["terms"]["buyerNonce"] = "01" * 7
        authorize(requirements)

    agreed = offer(after=change)
    assert running.verify(request_body(lock(agreed, ttl=running.slot + 300), agreed))["isValid"]
