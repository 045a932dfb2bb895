"""Transactions by wallets' libraries and by the ledger's own tests."""

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from facilitator.cardano.addresses.address import format_address, parse_address
from facilitator.cardano.codec.transaction_decoder import (
    DecodeError,
    decode_output,
    decode_transaction,
)
from support.ledger_vectors import VECTORS
from support.wallets import cases

pytestmark = pytest.mark.once

Record = Mapping[str, Any]

MALFORMED = ("malformed", "duplicate_body", "duplicate_output", "duplicate_witness", "unknown_")
"""How the reasons of what cannot be decoded begin, besides a negative quantity."""

FILES = ["dev.jsonl.gz", "dev_state.jsonl.gz", "scenarios_dev.jsonl.gz", "mainnet.jsonl"]


def _is_malformed(case: Record) -> bool:
    reason = case["expected"].get("reason_class", "")
    return bool(reason.startswith(MALFORMED) or reason == "negative_quantity")


@cache
def _wallet_transactions() -> tuple[tuple[Record, bytes], ...]:
    """The cases whose transaction is the ledger's matter, with its bytes."""
    return tuple(
        (case, base64.b64decode(case["payload"]["transaction"], validate=True))
        for case in cases()
        if case["kind"] == "good" or case["level"] == "ledger"
    )


def test_the_ids_of_wallets_transactions() -> None:
    found = {
        case["id"]: decode_transaction(raw).id.hex()
        for case, raw in _wallet_transactions()
        if not _is_malformed(case)
    }
    assert len(found) > 1000
    assert found == {
        case["id"]: case["tx_id"] for case, raw in _wallet_transactions() if case["id"] in found
    }


def test_what_wallets_cannot_have_meant() -> None:
    malformed = [(case, raw) for case, raw in _wallet_transactions() if _is_malformed(case)]
    assert len(malformed) > 300
    assert [case["id"] for case, raw in malformed if _decodes(raw)] == []


def test_the_addresses_of_wallets() -> None:
    spelled = {output["address"] for case in cases() for output in case["utxos"].values()}
    spelled |= {address for case in cases() for address in case.get("accounts") or {}}
    assert {format_address(parse_address(address)) for address in spelled} == spelled


@pytest.mark.parametrize("name", FILES)
def test_the_ledgers_vectors(name: str) -> None:
    if not VECTORS.exists():
        pytest.skip(f"the ledger's vectors are not at {VECTORS} (FACILITATOR_LEDGER_VECTORS)")
    for record in _vectors(name):
        raw = bytes.fromhex(record["tx"])
        if "DecodingFailure" in (record["failures"] or ()):
            assert not _decodes(raw), record["title"]
            continue
        tx = decode_transaction(raw)
        assert tx.id.hex() == record["txid"]
        assert tx.is_valid == record["is_valid"]
        for output in record["utxo"].values():
            assert decode_output(bytes.fromhex(output)).size == len(output) // 2


def _vectors(name: str) -> Iterator[Record]:
    path = VECTORS / name
    lines = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    records = map(json.loads, lines.splitlines())
    # in earlier eras the ledger took what its decoders refuse from protocol version 9 on
    return (record for record in records if record["era"] == "conway")


def _decodes(raw: bytes) -> bool:
    try:
        decode_transaction(raw)
    except DecodeError:
        return False
    return True
