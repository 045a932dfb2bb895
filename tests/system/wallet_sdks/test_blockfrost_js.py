"""Blockfrost's own client for JavaScript understands the devnet."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.cardano.transaction import OutputRef, Transaction
from facilitator.testing.payments import ALICE, MERCHANT, requirements
from facilitator.testing.running import NETWORK
from facilitator_devnet.genesis import GENESIS_VALUES, PARAMETERS
from facilitator_devnet.samples import genesis_output, sign_payment
from wallet_sdks.program import Program

PROJECT = Path(__file__).parent / "blockfrost_js"


@pytest.fixture
def transaction() -> Transaction:
    """Two ada from alice to the merchant."""
    ref = genesis_output(NETWORK, "alice", 0, None)
    return decode_transaction(sign_payment(requirements(), "alice", ref, 300))


@pytest.fixture
def answers(transaction: Transaction, program: Callable[[Path], Program]) -> dict[str, Any]:
    """What the client got while it submitted the transaction, before and after."""
    printed = program(PROJECT).run("ask.mjs", transaction.raw.hex(), ALICE.bech32)
    return dict(json.loads(printed))


def names(utxos: list[dict[str, Any]]) -> set[str]:
    return {f"{utxo['tx_hash']}#{utxo['output_index']}" for utxo in utxos}


def test_blockfrosts_own_client(transaction: Transaction, answers: dict[str, Any]) -> None:
    id_ = transaction.id.hex()
    assert answers["id"] == answers["found"]["hash"] == id_
    assert answers["found"]["fees"] == str(transaction.body.fee)
    assert answers["block"]["hash"] == answers["found"]["block"]
    assert answers["block"]["tx_count"] == 1
    assert answers["cbor"] == {"cbor": transaction.raw.hex()}
    assert answers["utxos"]["outputs"][0]["address"] == MERCHANT.bech32

    spent, change = transaction.body.inputs[0], OutputRef(transaction.id, 1)
    assert len(answers["before"]) == len(GENESIS_VALUES)
    assert names(answers["before"]) - names(answers["after"]) == {str(spent)}
    assert names(answers["after"]) - names(answers["before"]) == {str(change)}

    assert answers["parameters"]["min_fee_a"] == PARAMETERS.min_fee_a
    assert answers["parameters"]["coins_per_utxo_size"] == str(PARAMETERS.coins_per_utxo_byte)
    assert answers["genesis"]["network_magic"] == 1
    assert answers["eras"][-1]["start"]["slot"] > 0
    assert answers["health"] == {"is_healthy": True}

    assert answers["unknown"] == {
        "name": "BlockfrostServerError",
        "status_code": 404,
        "error": "Not Found",
        "message": "The requested component has not been found.",
    }
    assert answers["again"]["status_code"] == 400
    assert "All inputs are spent" in answers["again"]["message"]
