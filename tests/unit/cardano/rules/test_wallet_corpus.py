"""The rules over transactions by the libraries that wallets use.

Debatable cases are decided as the ledger decides them: with every phase-1 rule in force, mints,
withdrawals and certificates are good; the fee counts the bytes without the validity flag; foreign
witnesses that hold are superfluous and allowed; any order and either length form is allowed; a
missing end of validity is the payment scheme's business.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facilitator.cardano.codec.transaction_decoder import DecodeError, decode_transaction
from facilitator.cardano.rules import Environment, Failure, touched
from facilitator.cardano.state import LedgerState
from facilitator.x402.networks import cardano_network
from support.ledger_vectors import judge
from support.wallets import accounts, cases, parameters, utxos

pytestmark = pytest.mark.once

RULES = {
    "aux_data_hash_mismatch": {
        "ConflictingMetadataHash",
        "MissingTxBodyMetadataHash",
        "MissingTxMetadata",
    },
    "bad_withdrawal": {"WithdrawalsNotInRewardsCERTS"},
    "duplicate_body_key": {"DecodingFailure"},
    "duplicate_input": {"DecodingFailure"},
    "duplicate_output_key": {"DecodingFailure"},
    "duplicate_witness_key": {"DecodingFailure"},
    "extraneous_datum": {"NotAllowedSupplementalDatums"},
    "extraneous_script": {"ExtraneousScriptWitnessesUTXOW"},
    "fee_too_small": {"FeeTooSmallUTxO"},
    "input_not_found": {"BadInputsUTxO"},
    "invalid_signature": {"InvalidWitnessesUTXOW"},
    "is_valid_false": {"ValidationTagMismatch"},
    "malformed_cbor": {"DecodingFailure"},
    "malformed_or_invalid_signature": {"DecodingFailure", "InvalidWitnessesUTXOW"},
    "malformed_tx": {"DecodingFailure"},
    "malformed_tx_or_cbor": {"DecodingFailure"},
    "missing_script": {"MissingScriptWitnessesUTXOW"},
    "missing_witness": {"MissingVKeyWitnessesUTXOW"},
    "native_script_failed": {"ScriptWitnessNotValidatingUTXOW"},
    "negative_quantity": {"DecodingFailure"},
    "no_inputs": {"InputSetEmptyUTxO"},
    "nonce_not_in_inputs": None,
    "not_yet_valid": {"OutsideValidityIntervalUTxO"},
    "output_below_min_utxo": {"BabbageOutputTooSmallUTxO"},
    "pay_to_not_paid": None,
    "ref_input_overlap": {"BabbageNonDisjointRefInputs"},
    "token_not_conserved": {"ValueNotConservedUTxO"},
    "ttl_expired": {"OutsideValidityIntervalUTxO"},
    "tx_too_large": {"MaxTxSizeUTxO"},
    "unknown_body_key": {"DecodingFailure"},
    "unknown_output_key": {"DecodingFailure"},
    "unknown_witness_key": {"DecodingFailure"},
    "value_not_conserved": {"ValueNotConservedUTxO"},
    "wrong_network_address": {"WrongNetwork"},
    "wrong_network_id": {"WrongNetworkInTxBody"},
}
"""What each class of bad case is called here; ``None`` where only the payment scheme minds."""

Case = Mapping[str, Any]


def raw(case: Case) -> bytes:
    """The transaction; nothing when its spelling isn't even base64."""
    try:
        return base64.b64decode(case["payload"]["transaction"] or "", validate=True)
    except binascii.Error:
        return b""


def environment(case: Case) -> Environment:
    network_id = cardano_network(case["network"]).network_id
    return Environment(case["now_slot"], network_id, parameters(case["protocol_parameters"]))


def verdict(case: Case) -> list[Failure]:
    return judge(raw(case), environment(case), utxos(case), state(case))


def state(case: Case) -> LedgerState:
    """All facts the transaction asks for: every account that isn't named is not registered."""
    try:
        query = touched(decode_transaction(raw(case)))[1]
    except DecodeError:
        return LedgerState()
    return LedgerState({**dict.fromkeys(query.accounts), **accounts(case)})


def ids(selected: list[dict[str, Any]]) -> list[str]:
    return [case["id"] for case in selected]


GOOD = [case for case in cases() if case["kind"] == "good"]
BAD = [case for case in cases() if case.get("level") == "ledger"]


@pytest.mark.parametrize("case", GOOD, ids=ids(GOOD))
def test_good_transactions_break_no_rule(case: Case) -> None:
    assert verdict(case) == []


@pytest.mark.parametrize("case", BAD, ids=ids(BAD))
def test_bad_transactions_break_the_rules_they_were_made_to_break(case: Case) -> None:
    broken = {failure.rule for failure in verdict(case)}
    assert broken
    for reason in case["expected"]["reason_class"].split("+"):
        names = RULES[reason]
        assert names is None or broken & names


@settings(max_examples=400)
@given(case=st.sampled_from(GOOD), data=st.data())
def test_a_changed_byte_never_makes_another_payment_that_is_accepted(
    case: Case, data: st.DataObject
) -> None:
    """Judging never raises, and all that passes is the same body, witnessed as well as before."""
    good = raw(case)
    at = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[at] ^= data.draw(st.integers(1, 255))
    failures = judge(bytes(changed), environment(case), utxos(case), state(case))
    if not failures:
        assert decode_transaction(bytes(changed)).id == decode_transaction(good).id
