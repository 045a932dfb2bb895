"""Keys that are going to sign: a transaction is judged as if they had."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facilitator.cardano.rules import unsigned_inputs
from facilitator.cardano.rules.fees import compute_base_fee
from facilitator.cardano.transaction import Transaction
from support.ledger_values import (
    ENVIRONMENT,
    FEE,
    HELD,
    INPUT,
    KEY,
    KEY_HASH,
    OTHER_KEY,
    OTHER_KEY_HASH,
    PARAMETERS,
    SECOND_INPUT,
    broken,
    native,
    output,
    script_address,
    transaction,
)

OTHER_ADDRESS = b"\x60" + OTHER_KEY_HASH
BOTH = {INPUT: output(), SECOND_INPUT: output(address=OTHER_ADDRESS)}
AWAITED = replace(ENVIRONMENT, future_signers=frozenset({OTHER_KEY_HASH}))
WITNESS = 101


def both_spent(fee: int = FEE, **rest: Any) -> Transaction:
    return transaction(
        inputs=(INPUT, SECOND_INPUT), outputs=(output(2 * HELD - fee),), fee=fee, **rest
    )


def test_the_owner_of_an_input_may_sign_later() -> None:
    assert set(broken(both_spent(), BOTH)) == {"MissingVKeyWitnessesUTXOW"}
    assert broken(both_spent(), BOTH, env=AWAITED) == {}


def test_the_owner_of_collateral_may_sign_later() -> None:
    tx = transaction(collateral=(SECOND_INPUT,))
    assert set(broken(tx, BOTH)) == {"MissingVKeyWitnessesUTXOW"}
    assert broken(tx, BOTH, env=AWAITED) == {}


def test_a_required_signer_may_sign_later() -> None:
    tx = transaction(required_signers=(OTHER_KEY_HASH,))
    assert set(broken(tx)) == {"MissingVKeyWitnessesUTXOW"}
    assert broken(tx, env=AWAITED) == {}


def test_a_native_script_holds_by_a_key_that_signs_later() -> None:
    script = native(b"\x82\x00\x58\x1c" + OTHER_KEY_HASH)
    utxo = {INPUT: output(address=script_address(script))}
    tx = transaction(witnesses={"scripts": {script.hash: script}})
    assert set(broken(tx, utxo)) == {"ScriptWitnessNotValidatingUTXOW"}
    assert broken(tx, utxo, env=AWAITED) == {}


def test_a_further_key_that_has_not_signed_is_refused() -> None:
    tx = both_spent(signers=())
    found = broken(tx, BOTH, env=AWAITED)
    assert set(found) == {"MissingVKeyWitnessesUTXOW"}
    assert KEY_HASH.hex() in found["MissingVKeyWitnessesUTXOW"]
    assert OTHER_KEY_HASH.hex() not in found["MissingVKeyWitnessesUTXOW"]


def test_unsigned_inputs_counts_them() -> None:
    assert unsigned_inputs(both_spent(), BOTH) is not None
    assert unsigned_inputs(both_spent(), BOTH, AWAITED.future_signers) is None


@given(size=st.integers(200, 16_000))
def test_the_fee_is_that_of_the_size_with_their_witnesses(size: int) -> None:
    floor = compute_base_fee(both_spent(size=size + WITNESS), PARAMETERS)
    assert broken(both_spent(floor, size=size), BOTH, env=AWAITED) == {}
    below = broken(both_spent(floor - 1, size=size), BOTH, env=AWAITED)
    assert set(below) == {"FeeTooSmallUTxO"}
    assert f"at least {floor} is needed" in below["FeeTooSmallUTxO"]


def test_the_limit_of_the_size_counts_their_witnesses() -> None:
    largest = PARAMETERS.max_tx_size - WITNESS
    fee = 2_000_000
    assert broken(both_spent(fee, size=largest), BOTH, env=AWAITED) == {}
    assert set(broken(both_spent(fee, size=largest + 1), BOTH, env=AWAITED)) == {"MaxTxSizeUTxO"}


def test_a_key_that_has_signed_adds_nothing() -> None:
    tx = both_spent(signers=(KEY, OTHER_KEY))
    floor = compute_base_fee(tx, PARAMETERS)
    exact = both_spent(floor, signers=(KEY, OTHER_KEY))
    assert broken(exact, BOTH, env=AWAITED) == {}


@pytest.mark.parametrize(
    ("signatures", "more", "bytes_added"),
    [(1, 1, 101), (1, 3, 303), (22, 1, 101), (23, 1, 102), (0, 1, 103), (255, 1, 102)],
)
def test_the_head_of_the_set_grows_with_it(signatures: int, more: int, bytes_added: int) -> None:
    future = frozenset(bytes([n]) * 28 for n in range(more))
    env = replace(ENVIRONMENT, future_signers=future)
    tx = transaction(signers=(KEY,) * signatures, fee=0)
    floor = compute_base_fee(transaction(size=tx.size + bytes_added), PARAMETERS)
    assert f"at least {floor} is needed" in broken(tx, env=env)["FeeTooSmallUTxO"]
