"""The endpoint of a request."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from facilitator_devnet.blockfrost import (
    addresses,
    assets,
    blocks,
    evaluation,
    mempool,
    network,
    scripts,
    submission,
    transactions,
)
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.blockfrost.view import View
from facilitator_devnet.devnet import Devnet

Lookup: TypeAlias = Callable[[View, Request], Any]

LOOKUPS: Mapping[str, Lookup] = {
    "/": network.root,
    "/health": network.health,
    "/health/clock": network.clock,
    "/genesis": network.genesis,
    "/network": network.network,
    "/network/eras": network.eras,
    "/epochs/latest": network.epoch,
    "/epochs/latest/parameters": network.parameters,
    "/epochs/{number}": network.epoch,
    "/epochs/{number}/parameters": network.parameters,
    "/blocks/latest": blocks.latest,
    "/blocks/latest/txs": blocks.transactions,
    "/blocks/latest/txs/cbor": blocks.transactions_cbor,
    "/blocks/slot/{slot_number}": blocks.at_slot,
    "/blocks/{hash_or_number}": blocks.block,
    "/blocks/{hash_or_number}/next": blocks.following,
    "/blocks/{hash_or_number}/previous": blocks.preceding,
    "/blocks/{hash_or_number}/txs": blocks.transactions,
    "/blocks/{hash_or_number}/txs/cbor": blocks.transactions_cbor,
    "/addresses/{address}": addresses.address,
    "/addresses/{address}/utxos": addresses.utxos,
    "/addresses/{address}/utxos/{asset}": addresses.utxos_of_asset,
    "/addresses/{address}/transactions": addresses.transactions,
    "/accounts/{stake_address}": addresses.account,
    "/accounts/{stake_address}/utxos": addresses.account_utxos,
    "/assets/policy/{policy_id}": assets.of_policy,
    "/assets/{asset}": assets.asset,
    "/assets/{asset}/addresses": assets.holders,
    "/txs/{hash}": transactions.transaction,
    "/txs/{hash}/utxos": transactions.utxos,
    "/txs/{hash}/cbor": transactions.cbor,
    "/txs/{hash}/metadata": transactions.metadata,
    "/scripts/{script_hash}": scripts.script,
    "/scripts/{script_hash}/cbor": scripts.script_cbor,
    "/scripts/{script_hash}/json": scripts.script_json,
    "/scripts/datum/{datum_hash}": scripts.datum,
    "/scripts/datum/{datum_hash}/cbor": scripts.datum_cbor,
    "/mempool": mempool.all_waiting,
    "/mempool/{hash}": mempool.waiting,
    "/mempool/addresses/{address}": mempool.of_address,
}
"""The look-ups in the chain by the path's template; the first match is taken."""

SUBMIT = "POST /tx/submit"
CALLS: Mapping[str, Callable[[Devnet, Request], Any]] = {
    SUBMIT: submission.submit,
    "POST /utils/txs/evaluate": evaluation.evaluate,
    "POST /utils/txs/evaluate/utxos": evaluation.evaluate_with_utxos,
}
"""The calls of the devnet by endpoint."""

ENDPOINTS = (*(f"GET {template}" for template in LOOKUPS), *CALLS)
UNKNOWN = "unknown"
"""The endpoint under which other requests are counted."""


class Route(NamedTuple):
    """An endpoint with the values of its template's names."""

    endpoint: str
    params: Mapping[str, str]


def _pattern(endpoint: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", endpoint)
    return re.compile(
        "".join(
            f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
    )


def _by_shape() -> Mapping[tuple[str, int], list[tuple[str, re.Pattern[str]]]]:
    shapes: dict[tuple[str, int], list[tuple[str, re.Pattern[str]]]] = {}
    for endpoint in ENDPOINTS:
        shapes.setdefault(_shape(endpoint), []).append((endpoint, _pattern(endpoint)))
    return shapes


def _shape(endpoint: str) -> tuple[str, int]:
    """Return the endpoint's first part and its number of parts."""
    parts = endpoint.split("/")
    return parts[1], len(parts)


_SHAPES = _by_shape()


def route(method: str, path: str) -> Route:
    """Return the endpoint for the path below ``/v0``."""
    wanted = f"{method} {path}"
    for endpoint, pattern in _SHAPES.get(_shape(wanted), ()):
        match = pattern.fullmatch(wanted)
        if match:
            return Route(endpoint, match.groupdict())
    return Route(UNKNOWN, {})
