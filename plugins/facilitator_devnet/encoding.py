"""The encoding of the devnet's own outputs, in the map form of the Conway CDDL."""

from typing import Any

import cbor2

from facilitator.cardano.parameters import ProtocolParameters
from facilitator.cardano.transaction import Assets, Value

POLICY_BYTES = 28
OUTPUT_OVERHEAD = 160
"""Bytes that the ledger adds to an output's size (Babbage UTXO, ``getMinCoinTxOut``)."""


def output_map(address: bytes, value: Value) -> dict[int, Any]:
    """Return the output for cbor2, to encode it by itself or in a body."""
    if not value.assets:
        return {0: address, 1: value.lovelace}
    policies: dict[bytes, dict[bytes, int]] = {}
    for asset, quantity in sorted(value.assets.items()):
        policies.setdefault(asset[:POLICY_BYTES], {})[asset[POLICY_BYTES:]] = quantity
    return {0: address, 1: [value.lovelace, policies]}


def encode_output(address: bytes, value: Value) -> bytes:
    """Return the CBOR of the output."""
    return cbor2.dumps(output_map(address, value))


def minimum_lovelace(address: bytes, value: Value, parameters: ProtocolParameters) -> int:
    """Return the least lovelace that an output of the value's size must have."""
    size = OUTPUT_OVERHEAD + len(encode_output(address, value))
    return size * parameters.coins_per_utxo_byte


def with_minimum_lovelace(address: bytes, assets: Assets, parameters: ProtocolParameters) -> Value:
    """Return the assets with the least lovelace that they may travel with."""
    value = Value(0, assets)
    while (needed := minimum_lovelace(address, value, parameters)) > value.lovelace:
        value = Value(needed, assets)
    return value
