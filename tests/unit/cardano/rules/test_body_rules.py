"""Rules over the body alone, and over signatures."""

import zlib
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import pytest

from facilitator.cardano.addresses.byron import compute_bootstrap_root
from facilitator.cardano.rules import NOT_JUDGED, touched
from facilitator.cardano.signatures import signature_holds
from facilitator.cardano.state import StateQuery
from facilitator.cardano.transaction import (
    ActionId,
    BootstrapWitness,
    Certificate,
    Credential,
    Redeemer,
    VKeyWitness,
    Vote,
    Voter,
)
from support.ledger_values import (
    ENVIRONMENT,
    ID,
    INPUT,
    KEY_HASH,
    OTHER_KEY,
    OTHER_KEY_HASH,
    PAID,
    PARAMETERS,
    SECOND_INPUT,
    SLOT,
    THIRD_INPUT,
    UTXO,
    broken,
    output,
    reward_address,
    signed,
    transaction,
)

BYRON_MAINNET = bytes.fromhex(
    "82d818582183581cba970ad36654d8dd8f74274b733452ddeab9a62a397746be3c42ccdda0001a9026da5b"
)


def test_a_good_payment_breaks_nothing() -> None:
    assert broken(transaction()) == {}


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        (None, None, True),
        (SLOT, SLOT + 1, True),
        (SLOT + 1, None, False),
        (None, SLOT, False),
        (None, SLOT + 1, True),
        (SLOT, None, True),
        (0, 0, False),
    ],
)
def test_validity_interval_holds_the_slot(start: int, end: int, inside: bool) -> None:
    tx = transaction(invalid_before=start, invalid_hereafter=end)
    assert broken(tx).keys() == (set() if inside else {"OutsideValidityIntervalUTxO"})


def test_validity_interval_message_names_the_figures() -> None:
    message = broken(transaction(invalid_before=5000, invalid_hereafter=6000))
    expected = "it is valid only from slot 5000 and before slot 6000, and the slot is 1000"
    assert message["OutsideValidityIntervalUTxO"] == expected


def test_inputs_are_there_once_each() -> None:
    assert "InputSetEmptyUTxO" in broken(transaction(inputs=()))
    assert "DecodingFailure" in broken(transaction(inputs=(INPUT, INPUT)))


@pytest.mark.parametrize(("protocol_major", "refused"), [(9, True), (10, True), (11, False)])
def test_reference_inputs_are_not_spent_as_well(protocol_major: int, refused: bool) -> None:
    env = replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=protocol_major))
    tx = transaction(reference_inputs=(INPUT,))
    assert ("BabbageNonDisjointRefInputs" in broken(tx, env=env)) == refused


@pytest.mark.parametrize(
    ("major", "broken_rules"),
    [(8, {"NotJudged"}), (9, set()), (11, set()), (13, {"ProtocolVersionNotKnown"})],
)
def test_only_known_protocol_versions_are_judged(major: int, broken_rules: set[str]) -> None:
    env = replace(ENVIRONMENT, parameters=replace(PARAMETERS, protocol_major=major))
    assert broken(transaction(), env=env).keys() == broken_rules


def test_size_limit_is_inclusive() -> None:
    fee = 2_000_000
    body: dict[str, Any] = {"fee": fee, "outputs": (output(10_000_000 - fee),)}
    assert broken(transaction(size=16_384, **body)) == {}
    assert broken(transaction(size=16_385, **body)).keys() == {"MaxTxSizeUTxO"}


def test_networks_must_be_this_one() -> None:
    assert broken(transaction(network_id=0)) == {}
    assert broken(transaction(network_id=1)).keys() == {"WrongNetworkInTxBody"}
    mainnet = output(PAID, address=b"\x61" + KEY_HASH)
    assert broken(transaction(outputs=(mainnet,))).keys() == {"WrongNetwork"}
    byron = output(PAID, address=BYRON_MAINNET)
    assert broken(transaction(outputs=(byron,))).keys() == {"WrongNetwork"}
    on_mainnet = replace(ENVIRONMENT, network_id=1)
    assert broken(transaction(outputs=(byron,)), env=on_mainnet) == {}
    assert "WrongNetworkWithdrawal" in broken(transaction(withdrawals={b"\xe1" + KEY_HASH: 0}))


def test_marked_as_failing_without_scripts_is_refused() -> None:
    assert broken(transaction(is_valid=False)).keys() == {"ValidationTagMismatch"}
    redeemers = {"redeemers": (Redeemer(0, 0, b"\x00", 0, 0),), "redeemers_span": b"\xa0"}
    assert "ValidationTagMismatch" in broken(transaction(is_valid=False, witnesses=redeemers))


def test_marked_as_failing_says_what_was_not_judged() -> None:
    redeemers = {"redeemers": (Redeemer(0, 0, b"\x00", 0, 0),), "redeemers_span": b"\xa0"}
    tx = transaction(is_valid=False, witnesses=redeemers)
    assert broken(tx)["ValidationTagMismatch"].endswith("but has none to run")
    spent = {ref: each for ref, each in UTXO.items() if ref != INPUT}
    found = broken(tx, utxo=spent)
    assert "ValidationTagMismatch" not in found
    assert "none was run, since outputs that it refers to do not exist" in found[NOT_JUDGED]


def test_a_string_in_metadata_has_at_most_64_bytes() -> None:
    data = b"\xa1\x01\x02"
    right = blake2b(data, digest_size=32).digest()
    for size, rules in ((64, set()), (65, {"InvalidMetadata"})):
        tx = transaction(
            auxiliary_data=data, auxiliary_data_hash=right, longest_metadata_string=size
        )
        assert broken(tx).keys() == rules


def test_auxiliary_data_and_its_hash_come_together() -> None:
    data = b"\xa1\x01\x02"
    right, wrong = blake2b(data, digest_size=32).digest(), bytes(32)
    assert broken(transaction(auxiliary_data=data, auxiliary_data_hash=right)) == {}
    for claimed, there, rule in (
        (None, data, "MissingTxBodyMetadataHash"),
        (right, None, "MissingTxMetadata"),
        (wrong, data, "ConflictingMetadataHash"),
    ):
        tx = transaction(auxiliary_data=there, auxiliary_data_hash=claimed)
        assert broken(tx).keys() == {rule}


def test_every_signature_holds_even_a_superfluous_one() -> None:
    (good,) = signed(OTHER_KEY)
    bad = VKeyWitness(good.vkey, good.signature[:-1] + bytes([good.signature[-1] ^ 1]))
    owner = transaction().witnesses.vkeys
    assert broken(transaction(witnesses={"vkeys": (*owner, good)})) == {}
    wrong = broken(transaction(witnesses={"vkeys": (*owner, bad)}))
    assert wrong.keys() == {"InvalidWitnessesUTXOW"}
    assert good.vkey.hex() in wrong["InvalidWitnessesUTXOW"]


def test_signatures_of_another_length_hold_for_nothing() -> None:
    (good,) = signed(OTHER_KEY)
    assert signature_holds(good.vkey, ID, good.signature)
    assert not signature_holds(good.vkey[:-1], ID, good.signature)
    assert not signature_holds(good.vkey, ID, good.signature[:-1])
    assert not signature_holds(good.vkey, ID[:-1], good.signature)


POOL, POLICY_HASH = b"\x0b" * 28, b"\x0c" * 28
OTHER = Credential(False, OTHER_KEY_HASH)


@pytest.mark.parametrize(
    "body",
    [
        {"required_signers": (OTHER_KEY_HASH,)},
        {"withdrawals": {reward_address(OTHER): 0}},
        {"certificates": (Certificate(1, OTHER),)},
        {"certificates": (Certificate(7, OTHER, deposit=2_000_000),)},
        {"certificates": (Certificate(4, pool=OTHER_KEY_HASH, epoch=101),)},
        {"certificates": (Certificate(3, pool=KEY_HASH, pool_owners=(OTHER_KEY_HASH,)),)},
        {"votes": (Vote(Voter(0, OTHER_KEY_HASH), ActionId(bytes(32), 0), 1),)},
        {"votes": (Vote(Voter(2, OTHER_KEY_HASH), ActionId(bytes(32), 0), 1),)},
        {"votes": (Vote(Voter(4, OTHER_KEY_HASH), ActionId(bytes(32), 0), 1),)},
        {"collateral": (SECOND_INPUT,)},
        {"inputs": (INPUT, SECOND_INPUT)},
    ],
)
def test_all_keys_concerned_must_sign(body: dict[str, Any]) -> None:
    utxo = {**UTXO, SECOND_INPUT: output(address=b"\x60" + OTHER_KEY_HASH)}
    missing = broken(transaction(**body), utxo).get("MissingVKeyWitnessesUTXOW", "")
    assert OTHER_KEY_HASH.hex() in missing
    signers = (transaction().witnesses.vkeys[0], *signed(OTHER_KEY))
    both = transaction(witnesses={"vkeys": signers}, **body)
    assert "MissingVKeyWitnessesUTXOW" not in broken(both, utxo)


def test_registering_without_naming_the_deposit_needs_no_signature() -> None:
    tx = transaction(certificates=(Certificate(0, OTHER),))
    assert "MissingVKeyWitnessesUTXOW" not in broken(tx)


def test_byron_inputs_need_the_bootstrap_witness_of_their_root() -> None:
    vkey, signature = signed(OTHER_KEY)[0]
    attributes = bytes.fromhex("a10242182a")
    address = byron_address(compute_bootstrap_root(vkey, bytes(32), attributes), attributes)
    utxo = {INPUT: output(address=address)}
    for chain_code, rules in ((bytes(32), set()), (b"\x01" * 32, {"MissingVKeyWitnessesUTXOW"})):
        witness = BootstrapWitness(vkey, signature, chain_code, attributes)
        tx = transaction(witnesses={"vkeys": (), "bootstraps": (witness,)})
        assert broken(tx, utxo).keys() == rules


def byron_address(root: bytes, attributes: bytes) -> bytes:
    payload = b"\x83\x58\x1c" + root + attributes + b"\x00"
    crc = zlib.crc32(payload).to_bytes(4, "big")
    return b"\x82\xd8\x18\x58" + bytes([len(payload)]) + payload + b"\x1a" + crc


def test_touched_names_every_ref_and_fact() -> None:
    tx = transaction(
        collateral=(SECOND_INPUT,),
        reference_inputs=(THIRD_INPUT,),
        withdrawals={reward_address(OTHER): 1},
        certificates=(
            Certificate(10, Credential(True, POLICY_HASH), pool=POOL, drep=OTHER),
            Certificate(16, Credential(False, KEY_HASH), deposit=1),
        ),
        treasury=5,
    )
    refs, query = touched(tx)
    assert refs == {INPUT, SECOND_INPUT, THIRD_INPUT}
    assert query.accounts == {OTHER, Credential(True, POLICY_HASH)}
    assert query.pools == {POOL}
    assert query.dreps == {OTHER, Credential(False, KEY_HASH)}
    assert query.treasury
    assert query


def test_a_payment_touches_no_ledger_state() -> None:
    refs, query = touched(transaction())
    assert refs == {INPUT}
    assert query == StateQuery()
    assert not query
