"""``/utils/txs/evaluate…`` in Ogmios' words. The devnet runs no Plutus and answers that."""

import base64
from typing import Any

import orjson

from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.transaction import Transaction
from facilitator_devnet.blockfrost.errors import invalid
from facilitator_devnet.blockfrost.request import Request

REASON = "The devnet has no cost models and runs no Plutus scripts."


def evaluate(request: Request) -> dict[str, Any]:
    """Answer ``/utils/txs/evaluate``: the body is the transaction in base 16 or base 64."""
    return _answer(_transaction(request.body), request.query.get("version"))


def evaluate_with_utxos(request: Request) -> dict[str, Any]:
    """Answer ``/utils/txs/evaluate/utxos``: the body is ``{cbor, additionalUtxoSet}``."""
    try:
        text = orjson.loads(request.body)["cbor"].encode()
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise invalid("body must have required property 'cbor'") from None
    return _answer(_transaction(text), request.query.get("version"))


def _transaction(text: bytes) -> Transaction:
    try:
        return decode_any_era(_bytes(text.strip()))
    except ValueError as error:
        raise invalid(f"Invalid request: {error}") from error


def _bytes(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode())
    except ValueError:
        return base64.b64decode(text, validate=True)


def _answer(transaction: Transaction, version: str | None) -> dict[str, Any]:
    has_scripts = bool(transaction.witnesses.redeemers)
    if version == "6":
        outcome: dict[str, Any] = {"result": []}
        if has_scripts:
            error = {"code": 3004, "message": "cannot evaluate", "data": {"reason": REASON}}
            outcome = {"error": error}
        return {"jsonrpc": "2.0", "method": "evaluateTransaction", **outcome, "id": None}
    result: dict[str, Any] = {"EvaluationResult": {}}
    if has_scripts:
        result = {"EvaluationFailure": {"CannotCreateEvaluationContext": {"reason": REASON}}}
    return {
        "type": "jsonwsp/response",
        "version": "1.0",
        "servicename": "ogmios",
        "methodname": "EvaluateTx",
        "result": result,
        "reflection": {"id": None},
    }
