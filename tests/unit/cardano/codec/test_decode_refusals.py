"""What the ledger's decoders refuse is refused, with a sentence that says where."""

import pytest

from facilitator.cardano.codec.transaction_decoder import (
    DecodeError,
    decode_output,
    decode_transaction,
)
from support.cbor_forms import AsSet, Definite, Pairs, Raw, Tagged, encode, head
from support.transactions import (
    ABSENT,
    ADDRESS,
    FULL_BODY,
    HASH_32,
    KEY,
    KEY_HASH,
    NATIVE_SCRIPT,
    REWARD_ADDRESS,
    SIGNATURE,
    VKEY,
    transaction,
)

INPUT = [HASH_32, 0]
MANY_ASSETS = {number.to_bytes(2, "big"): 1 for number in range(1489)}

BODIES: list[tuple[dict[int, object], str]] = [
    ({0: ABSENT}, "must have inputs (key 0)"),
    ({1: ABSENT}, "must have outputs (key 1)"),
    ({2: ABSENT}, "must have fee (key 2)"),
    ({6: []}, "has no key 6"),
    ({10: []}, "has no key 10"),
    ({23: 0}, "has no key 23"),
    ({-1: 0}, "a key of the transaction body must be an unsigned integer"),
    ({0: {}}, "inputs (body key 0) must be an array"),
    ({0: Tagged(259, [INPUT])}, "must have the tag 258"),
    ({0: [HASH_32]}, "an input must be an array"),
    ({0: [[HASH_32]]}, "an input must have 2 elements, not 1"),
    ({0: [[HASH_32[1:], 0]]}, "the transaction id of an input must be 32 bytes, not 31"),
    ({0: [[HASH_32, 65536]]}, "the index of an input must be at most 65535"),
    ({0: [[HASH_32, -1]]}, "the index of an input must be an unsigned integer"),
    ({1: AsSet([])}, "outputs (body key 1) must be an array"),
    ({2: -1}, "fee (body key 2) must be an unsigned integer"),
    ({2: Tagged(2, b"\1")}, "fee (body key 2) must be an unsigned integer"),
    ({2: None}, "fee (body key 2) must be an unsigned integer"),
    ({3: None}, "the last slot (body key 3) must be an unsigned integer"),
    ({4: []}, "certificates (body key 4) must not be empty"),
    ({4: [[0, KEY], [0, KEY]]}, "certificates (body key 4) must not have an element twice"),
    ({5: {}}, "withdrawals (body key 5) must not be empty"),
    ({5: Pairs([(REWARD_ADDRESS, 1)] * 2)}, "twice"),
    ({5: {REWARD_ADDRESS + b"\0": 1}}, "a reward address must be 29 bytes"),
    ({5: {ADDRESS: 1}}, "a reward address must be 29 bytes"),
    ({5: {REWARD_ADDRESS: -1}}, "a withdrawn amount must be an unsigned integer"),
    ({7: HASH_32[1:]}, "the auxiliary data hash (body key 7) must be 32 bytes, not 31"),
    ({8: "now"}, "the first slot (body key 8) must be an unsigned integer"),
    ({9: {}}, "mint (body key 9) must not be empty"),
    ({9: {KEY_HASH: {}}}, "must have at least one asset"),
    ({9: {KEY_HASH: {b"": 0}}}, "must not be 0"),
    ({9: {KEY_HASH: {b"": 2**63}}}, "a minted quantity must fit a signed 64-bit integer"),
    ({9: {KEY_HASH: {b"": -(2**63) - 1}}}, "a minted quantity must fit a signed 64-bit integer"),
    ({9: {KEY_HASH: {b"": Tagged(2, b"\1")}}}, "a minted quantity must be an integer"),
    ({11: b""}, "the script data hash (body key 11) must be 32 bytes, not 0"),
    ({13: []}, "collateral inputs (body key 13) must not be empty"),
    ({13: [INPUT, INPUT]}, "collateral inputs (body key 13) must not have an element twice"),
    ({14: AsSet([])}, "required signers (body key 14) must not be empty"),
    ({14: [KEY_HASH, KEY_HASH]}, "required signers (body key 14) must not have an element twice"),
    ({14: [HASH_32]}, "a required signer must be 28 bytes, not 32"),
    ({15: 256}, "the network id (body key 15) must be at most 255"),
    ({15: None}, "the network id (body key 15) must be an unsigned integer"),
    ({16: None}, "an output must be an array"),
    ({17: -1}, "the total collateral (body key 17) must be an unsigned integer"),
    ({18: []}, "reference inputs (body key 18) must not be empty"),
    ({18: AsSet([INPUT, INPUT])}, "reference inputs (body key 18) must not have an element twice"),
    ({21: None}, "the treasury (body key 21) must be an unsigned integer"),
    ({22: 0}, "the donation (body key 22) must not be 0"),
]


@pytest.mark.parametrize(("fields", "message"), BODIES, ids=lambda value: str(value)[:60])
def test_bodies(fields: dict[int, object], message: str) -> None:
    _check_refused(transaction(fields), message)


@pytest.mark.parametrize("key", FULL_BODY)
def test_no_key_of_a_body_may_come_twice(key: int) -> None:
    pairs = [*FULL_BODY.items(), (key, FULL_BODY[key])]
    raw = encode([Pairs(pairs), {}, True, None])
    _check_refused(raw, f"the transaction body has the key {key} twice")


OUTPUTS: list[tuple[object, str]] = [
    (ADDRESS, "an output must be an array"),
    (Raw(head(5, 2, 8) + b"\0" + encode(ADDRESS) + b"\1\1"), "an output must be an array"),
    ([ADDRESS], "an output must have 2 or 3 elements, not 1"),
    ([ADDRESS, 1, HASH_32, 1], "an output must have 2 or 3 elements, not 4"),
    ([ADDRESS, 1, None], "the datum hash of an output must be a byte string"),
    (Raw(b"\x9f" + encode(ADDRESS) + b"\1" + encode(HASH_32) + b"\1\xff"), "too many elements"),
    ({0: ADDRESS}, "must have an address (key 0) and a value (key 1)"),
    ({1: 1}, "must have an address (key 0) and a value (key 1)"),
    ({0: ADDRESS, 1: 1, 4: 0}, "an output has no key 4"),
    ({0: ADDRESS, 1: 1, -1: 0}, "a key of an output must be an unsigned integer"),
    (Pairs([(0, ADDRESS), (1, 1), (0, ADDRESS)]), "an output has the key 0 twice"),
    (Pairs([(0, ADDRESS), (1, 1), (1, 1)]), "an output has the key 1 twice"),
    ([b"", 1], "cannot have 0 bytes"),
    ([ADDRESS + b"\0", 1], "cannot have 30 bytes"),
    ([REWARD_ADDRESS, 1], "a Byron address"),
    ([ADDRESS, -1], "the value of an output must be an unsigned integer"),
    ([ADDRESS, Tagged(2, b"\1")], "the value of an output must be an unsigned integer"),
    ([ADDRESS, {}], "the value of an output must be an unsigned integer"),
    ([ADDRESS, [1]], "the value of an output must have 2 elements, not 1"),
    ([ADDRESS, [1, []]], "a multi-asset value must be a map"),
    ([ADDRESS, [1, {KEY_HASH: {}}]], "must have at least one asset"),
    ([ADDRESS, [1, {KEY_HASH[1:]: {b"": 1}}]], "a policy id must be 28 bytes, not 27"),
    ([ADDRESS, [1, {KEY_HASH: {bytes(33): 1}}]], "an asset name must be at most 32 bytes, not 33"),
    ([ADDRESS, [1, {KEY_HASH: {b"": 0}}]], "must not be 0"),
    ([ADDRESS, [1, {KEY_HASH: {b"": -1}}]], "the quantity of an asset must be an unsigned"),
    ([ADDRESS, [1, {KEY_HASH: Pairs([(b"", 1), (b"", 1)])}]], "twice"),
    ([ADDRESS, [1, Pairs([(KEY_HASH, {b"a": 1}), (KEY_HASH, {b"b": 1})])]], "twice"),
    ([ADDRESS, [1, {KEY_HASH: MANY_ASSETS}]], "has too many assets: 1489"),
    ({0: ADDRESS, 1: 1, 2: [2, HASH_32]}, "the kind of an output's datum must be at most 1"),
    ({0: ADDRESS, 1: 1, 2: [0, b""]}, "the datum hash of an output must be 32 bytes, not 0"),
    ({0: ADDRESS, 1: 1, 2: [1, b"\0"]}, "the inline datum of an output must be tagged"),
    ({0: ADDRESS, 1: 1, 2: [1, Tagged(24, b"\0\0")]}, "is followed by 1 more bytes"),
    ({0: ADDRESS, 1: 1, 2: [1, Tagged(24, b"")]}, "the inline datum of an output is cut short"),
    ({0: ADDRESS, 1: 1, 3: [0, NATIVE_SCRIPT]}, "the script reference of an output must be tagged"),
    ({0: ADDRESS, 1: 1, 3: Tagged(24, encode([4, b""]))}, "the language of a reference script"),
    ({0: ADDRESS, 1: 1, 3: Tagged(24, encode([0, b""]))}, "a native script must be an array"),
    ({0: ADDRESS, 1: 1, 3: Tagged(24, encode([1, []]))}, "the code of a reference script"),
]


@pytest.mark.parametrize(("output", "message"), OUTPUTS, ids=lambda value: str(value)[:60])
def test_outputs(output: object, message: str) -> None:
    _check_refused(transaction({1: [output]}), message)
    with pytest.raises(DecodeError) as refusal:
        decode_output(encode(output))
    assert message in str(refusal.value)


def test_as_many_assets_as_the_ledger_can_hold() -> None:
    largest = dict(list(MANY_ASSETS.items())[:1488])
    assert len(decode_output(encode([ADDRESS, [1, {KEY_HASH: largest}]])).value.assets) == 1488


REDEEMER = [0, 0, 1, [1, 1]]
WITNESSES: list[tuple[object, str]] = [
    ([], "the witness set must be a map"),
    ({8: []}, "the witness set has no key 8"),
    ({-1: []}, "a key of the witness set must be an unsigned integer"),
    *[({key: []}, f"the key {key} of the witness set must not be empty") for key in range(8)],
    ({5: {}}, "the key 5 of the witness set must not be empty"),
    (Pairs([(0, [[VKEY, SIGNATURE]])] * 2), "the witness set has the key 0 twice"),
    ({0: [[VKEY]]}, "a vkey witness must have 2 elements, not 1"),
    ({0: [[VKEY[1:], SIGNATURE]]}, "the key of a vkey witness must be 32 bytes, not 31"),
    ({0: [[VKEY, SIGNATURE[1:]]]}, "the signature of a vkey witness must be 64 bytes, not 63"),
    ({0: Tagged(259, [[VKEY, SIGNATURE]])}, "must have the tag 258"),
    ({1: [[6, 0]]}, "the kind of a native script must be at most 5"),
    ({2: [[VKEY, SIGNATURE, b""]]}, "a bootstrap witness must have 4 elements, not 3"),
    ({3: [b"a", b"a"]}, "Plutus scripts (witness key 3) have the script"),
    ({7: [1]}, "Plutus scripts (witness key 7) must be a byte string"),
    ({4: ["text"]}, "Plutus data holds"),
    ({5: AsSet([REDEEMER])}, "redeemers (witness key 5) must be an array"),
    (
        {5: Raw(head(5, 1, 8) + encode([0, 0]) + encode([1, [1, 1]]))},
        "redeemers (witness key 5) must be an array",
    ),
    ({5: [[6, 0, 1, [1, 1]]]}, "the purpose of a redeemer must be at most 5"),
    ({5: [[0, 2**32, 1, [1, 1]]]}, "the index of a redeemer must be at most"),
    ({5: [[0, 0, 1, [2**63, 1]]]}, "the memory of a redeemer must be at most"),
    ({5: [[0, 0, 1, [1, 2**63]]]}, "the steps of a redeemer must be at most"),
    ({5: [[0, 0, 1, [1]]]}, "the budget of a redeemer must have 2 elements, not 1"),
    ({5: [REDEEMER[:3]]}, "a redeemer must have 4 elements, not 3"),
    ({5: Pairs([([0, 0], [1])])}, "a redeemer must have 2 elements, not 1"),
    (
        {5: Pairs([([0, 0], Raw(b"\x9f\x01\x82\x01\x01\xff"))])},
        "a redeemer in a map must be a definite array",
    ),
]


@pytest.mark.parametrize(("witnesses", "message"), WITNESSES, ids=lambda value: str(value)[:60])
def test_witness_sets(witnesses: object, message: str) -> None:
    minimal = {0: [INPUT], 1: [], 2: 0}
    _check_refused(encode([minimal, witnesses, True, None]), message)


AUXILIARY: list[tuple[object, str]] = [
    (0, "the auxiliary data must be tagged"),
    (Tagged(258, {}), "the auxiliary data must have the tag 259"),
    (Tagged(259, []), "the auxiliary data must be a map"),
    ([{}], "the auxiliary data must have 2 elements, not 1"),
    ([{}, [], []], "the auxiliary data must have 2 elements, not 3"),
    ([[], []], "the metadata must be a map"),
    ([{}, [[7, 0]]], "the kind of a native script"),
    ({-1: 0}, "a metadata label must be an unsigned integer"),
    (Pairs([(1, 0), (1, 0)]), "the metadata has the label 1 twice"),
    ({0: None}, "metadata holds"),
    ({0: Tagged(2, b"\1")}, "metadata holds"),
    (Tagged(259, {5: []}), "the auxiliary data has no key 5"),
    (Tagged(259, Pairs([(0, {}), (0, {})])), "the auxiliary data has the key 0 twice"),
    (Tagged(259, {2: [1]}), "the Plutus scripts of the auxiliary data (key 2) must be a byte"),
]


@pytest.mark.parametrize(("auxiliary", "message"), AUXILIARY, ids=lambda value: str(value)[:60])
def test_auxiliary_data(auxiliary: object, message: str) -> None:
    _check_refused(transaction(auxiliary=auxiliary), message)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([{}, {}, True], "the transaction must have 4 elements, not 3"),
        ([{}, {}, True, None, None], "the transaction must have 4 elements, not 5"),
        ({}, "the transaction must be an array"),
        (AsSet([{}, {}, True, None]), "the transaction must be an array"),
    ],
)
def test_transactions_of_another_shape(parts: object, message: str) -> None:
    _check_refused(encode(parts), message)


@pytest.mark.parametrize("flag", [None, 1, 0, "true"])
def test_the_validity_flag_is_a_boolean(flag: object) -> None:
    _check_refused(transaction(is_valid=flag), "the validity flag must be true or false")


def test_an_indefinite_transaction_ends_after_four() -> None:
    raw = transaction()[1:]
    assert decode_transaction(b"\x9f" + raw + b"\xff").body.fee == 5
    _check_refused(b"\x9f" + raw + b"\xf6\xff", "the transaction has too many elements")
    _check_refused(b"\x9f" + raw, "the transaction is cut short")


def test_a_redeemer_map_in_its_right_form() -> None:
    witnesses = {5: Pairs([([0, 0], Definite([1, [1, 1]]))])}
    assert len(decode_transaction(transaction(witnesses=witnesses)).witnesses.redeemers) == 1


def _check_refused(raw: bytes, message: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode_transaction(raw)
    assert message in str(refusal.value)
