"""Every part of a transaction comes out as what it is, in whatever form it was written."""

from dataclasses import replace
from hashlib import blake2b
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import decode_output, decode_transaction
from facilitator.cardano.transaction import (
    BootstrapWitness,
    Language,
    Output,
    OutputRef,
    Redeemer,
    Script,
    Transaction,
    Value,
    VKeyWitness,
)
from support.cbor_forms import AsSet, PlainForm, RandomForm, Raw, Tagged, encode
from support.transactions import (
    ADDRESS,
    DATUM,
    FULL_AUXILIARY,
    FULL_BODY,
    FULL_WITNESSES,
    HASH_32,
    KEY_HASH,
    MINIMAL_BODY,
    NATIVE_SCRIPT,
    REWARD_ADDRESS,
    SCRIPT_HASH,
    SIGNATURE,
    VKEY,
    transaction,
)

SEEDS = st.integers(0, 2**64 - 1)
"""Of the choices of a form: drawn as one number, since a form makes thousands of them."""


def full_transaction(form: PlainForm | None = None) -> bytes:
    return transaction(FULL_BODY, FULL_WITNESSES, True, FULL_AUXILIARY, form)


def hash_224(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=28).digest()


def test_a_minimal_transaction() -> None:
    raw = transaction()
    tx = decode_transaction(raw)
    assert tx.raw == raw
    assert tx.id == blake2b(encode(MINIMAL_BODY), digest_size=32).digest()
    assert tx.size == len(raw) - 1
    assert tx.is_valid
    assert tx.body.inputs == (OutputRef(HASH_32, 0),)
    output = Output(ADDRESS, Value(10, {}), size=len(encode([ADDRESS, 10])), value_size=1)
    assert tx.body.outputs == (output,)
    assert tx.body.fee == 5
    assert tx.auxiliary_data is None
    assert (tx.body.withdrawals, tx.body.mint, tx.witnesses.scripts) == (None, None, None)


def test_the_plain_fields_of_a_full_body() -> None:
    body = decode_transaction(full_transaction()).body
    assert body.inputs == (OutputRef(HASH_32, 0), OutputRef(HASH_32, 65535))
    assert body.fee == 2**64 - 1
    assert (body.invalid_before, body.invalid_hereafter) == (900, 1000)
    assert body.withdrawals == {REWARD_ADDRESS: 0, b"\xf1" + SCRIPT_HASH: 7}
    assert body.auxiliary_data_hash == body.script_data_hash == HASH_32
    assert body.mint == {KEY_HASH + b"a": -(2**63), KEY_HASH + b"b": 2**63 - 1}
    assert body.collateral == (OutputRef(HASH_32, 1),)
    assert body.reference_inputs == (OutputRef(HASH_32, 2),)
    assert body.required_signers == (KEY_HASH,)
    assert body.network_id == 0
    assert body.collateral_return is not None
    assert body.collateral_return.value == Value(12, {})
    assert body.total_collateral == 13
    assert body.voters == ((0, KEY_HASH), (4, KEY_HASH))
    assert [(vote.voter.kind, vote.choice) for vote in body.votes] == [(0, 0), (0, 1), (4, 2)]
    assert [proposal.deposit for proposal in body.proposals] == list(range(100, 108))
    assert (body.treasury, body.donation) == (14, 15)


def test_the_outputs_of_a_full_body() -> None:
    script_body = encode(NATIVE_SCRIPT)
    script = Script(Language.NATIVE, script_body, hash_224(b"\0" + script_body))
    code = Script(Language.PLUTUS_V3, b"code", hash_224(b"\3code"))
    raws = [encode(output) for output in FULL_BODY[1]]
    value = FULL_BODY[1][0][1]
    assets = {KEY_HASH: 1, KEY_HASH + b"name": 2**64 - 1, SCRIPT_HASH + bytes(32): 3}
    expected = [
        Output(
            *(ADDRESS, Value(2, assets), len(raws[0])),
            datum=encode(DATUM),
            script=script,
            script_size=len(script_body),
            value_size=len(encode(value)),
        ),
        Output(
            *(b"\0" + 2 * KEY_HASH, Value(10, {}), len(raws[1])),
            datum_hash=HASH_32,
            script=code,
            script_size=4,
            value_size=1,
        ),
        Output(FULL_BODY[1][2][0], Value(10, {}), len(raws[2]), value_size=3),
        Output(ADDRESS, Value(11, {}), len(raws[3]), datum_hash=HASH_32, value_size=1),
    ]
    assert [decode_output(raw) for raw in raws] == expected
    assert decode_transaction(full_transaction()).body.outputs == tuple(expected)


def test_a_full_witness_set() -> None:
    witnesses = decode_transaction(full_transaction()).witnesses
    assert witnesses.vkeys == (VKeyWitness(VKEY, SIGNATURE),)
    assert witnesses.bootstraps == (BootstrapWitness(VKEY, SIGNATURE, bytes(32), b"\xa0"),)
    datum = encode(DATUM)
    assert witnesses.datums == (datum,)
    assert witnesses.datums_span == encode(FULL_WITNESSES[4])
    assert witnesses.redeemers == (Redeemer(0, 2**32 - 1, datum, 2, 2**63 - 1),)
    assert witnesses.redeemers_span == encode(FULL_WITNESSES[5])
    scripts = [
        Script(language, body, hash_224(bytes([language]) + body))
        for language, body in [
            (Language.NATIVE, encode(NATIVE_SCRIPT)),
            (Language.PLUTUS_V1, b"one"),
            (Language.PLUTUS_V2, b"two"),
            (Language.PLUTUS_V3, b"three"),
        ]
    ]
    assert witnesses.scripts == {script.hash: script for script in scripts}


def test_auxiliary_data_keeps_its_bytes_and_names_its_plutus_scripts() -> None:
    tx = decode_transaction(full_transaction())
    assert tx.auxiliary_data == encode(FULL_AUXILIARY)
    assert tx.auxiliary_plutus == (
        (Language.PLUTUS_V1, b"one"),
        (Language.PLUTUS_V2, b"two"),
        (Language.PLUTUS_V3, b"three"),
    )


@pytest.mark.parametrize(
    "auxiliary", [{}, {7: "seven"}, [{7: []}, [NATIVE_SCRIPT]], [{}, []], Tagged(259, {})]
)
def test_auxiliary_data_in_each_of_its_shapes(auxiliary: object) -> None:
    tx = decode_transaction(transaction(auxiliary=auxiliary))
    assert tx.auxiliary_data == encode(auxiliary)
    assert tx.auxiliary_plutus == ()


def test_an_invalid_transaction_says_so() -> None:
    assert not decode_transaction(transaction(is_valid=False)).is_valid


@given(SEEDS)
def test_every_form_decodes_to_the_same_values(seed: int) -> None:
    varied = decode_transaction(full_transaction(RandomForm(Random(seed))))
    assert _without_sizes(varied) == _without_sizes(decode_transaction(full_transaction()))


@given(SEEDS)
def test_sizes_and_ids_come_from_the_bytes_received(seed: int) -> None:
    form = RandomForm(Random(seed))
    body, output = encode(FULL_BODY, form), encode(FULL_BODY[1][0], form)
    rest = [encode(FULL_WITNESSES, form), encode(FULL_AUXILIARY, form)]
    raw = encode([Raw(body), Raw(rest[0]), True, Raw(rest[1])], form)
    tx = decode_transaction(raw)
    assert tx.id == blake2b(body, digest_size=32).digest()
    assert decode_output(output).size == len(output)
    # the ledger counts the parts in an array of its own (toCBORForSizeComputation)
    assert tx.size == 1 + len(body) + sum(map(len, rest))


def _without_sizes(tx: Transaction) -> Transaction:
    """The transaction without what depends on how it was written."""
    outputs = tuple(replace(output, size=0, value_size=0) for output in tx.body.outputs)
    assert tx.body.collateral_return is not None
    body = replace(
        tx.body,
        outputs=outputs,
        collateral_return=replace(tx.body.collateral_return, size=0, value_size=0),
    )
    witnesses = replace(tx.witnesses, datums_span=None, redeemers_span=None)
    plutus = tuple(sorted(tx.auxiliary_plutus))
    tx = replace(tx, raw=b"", id=b"", size=0, auxiliary_data=None, auxiliary_plutus=plutus)
    return replace(tx, body=body, witnesses=witnesses)


def test_inputs_keep_their_order_and_duplicates() -> None:
    # the ledger's decoder refuses the duplicate; here a rule does, which names the reason
    inputs = [[HASH_32, 1], [HASH_32, 0], [HASH_32, 1]]
    tx = decode_transaction(transaction({0: AsSet(inputs)}))
    assert [reference.index for reference in tx.body.inputs] == [1, 0, 1]


def test_empty_inputs_and_outputs_are_left_to_the_rules() -> None:
    tx = decode_transaction(transaction({0: [], 1: []}))
    assert (tx.body.inputs, tx.body.outputs) == ((), ())


def test_witnesses_that_the_ledger_merges() -> None:
    # up to protocol version 11 a set of witnesses may hold one twice
    scripts = {1: AsSet([NATIVE_SCRIPT, NATIVE_SCRIPT]), 0: AsSet([[VKEY, SIGNATURE]] * 2)}
    redeemers = {5: [[0, 1, 2, [3, 4]], [0, 1, 5, [6, 7]]], 4: AsSet([1, 1])}
    witnesses = decode_transaction(transaction(witnesses=scripts | redeemers)).witnesses
    assert len(witnesses.scripts or {}) == 1
    assert set(witnesses.vkeys) == {VKeyWitness(VKEY, SIGNATURE)}
    assert set(witnesses.datums) == {b"\1"}
    assert witnesses.redeemers == (Redeemer(0, 1, b"\5", 6, 7),)
