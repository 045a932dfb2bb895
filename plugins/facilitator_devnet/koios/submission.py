"""``/submittx`` and Koios' Ogmios, ``/ogmios``."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from facilitator.cardano.cbor import DecodeError
from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.rejection import refused, undecodable
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.ogmios import network, transactions
from facilitator_devnet.ogmios.transactions import RpcError


def submit(devnet: Devnet, body: bytes) -> str:
    """Put the transaction in the mempool; return its id. Raises :class:`ApiError` (400)."""
    with devnet.chain() as chain:
        slot = devnet.now()
        try:
            transaction = chain.decode(body, slot)
        except DecodeError as error:
            raise ApiError(400, undecodable(str(error))) from error
        missing = chain.missing(transaction)
        failures = chain.take(transaction, slot)
        version = chain.schedule.at(slot)
    if failures:
        raise ApiError(400, refused(failures, transaction, missing, slot, version))
    return transaction.id.hex()


def ask_ogmios(devnet: Devnet, question: Mapping[str, Any]) -> dict[str, Any]:
    """Return Ogmios' answer, with a result or an error."""
    method = question.get("method")
    answer = {"jsonrpc": "2.0", "method": method, "id": question.get("id")}
    ask = _METHODS.get(str(method))
    try:
        if ask is None:
            raise RpcError(-32_601, f"unknown method {method!r}")
        return answer | {"result": ask(devnet, question.get("params") or {})}
    except RpcError as error:
        return answer | {"error": error.shown}


_METHODS: Mapping[str, Callable[[Devnet, Mapping[str, Any]], Any]] = {
    "submitTransaction": transactions.submit,
    "evaluateTransaction": transactions.evaluate,
    "queryNetwork/tip": network.tip,
    "queryNetwork/genesisConfiguration": network.genesis,
    "queryLedgerState/eraSummaries": network.eras,
}


def read_question(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a body. Raises :class:`ApiError` (400)."""
    try:
        question = orjson.loads(body)
    except orjson.JSONDecodeError:
        question = None
    if not isinstance(question, dict):
        raise ApiError(400, "Empty or invalid json")
    return question
