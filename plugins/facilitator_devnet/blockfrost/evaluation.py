"""``/utils/txs/evaluate…``, in the words of Ogmios 5 or, on demand, of Ogmios 6."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from facilitator.cardano.phase2.evaluator import ScriptOutcome
from facilitator.cardano.transaction import Output, OutputRef, Transaction
from facilitator_devnet.additional_outputs import read_pairs
from facilitator_devnet.blockfrost.errors import invalid
from facilitator_devnet.blockfrost.request import Request
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.evaluation import (
    EXTRANEOUS,
    MISSING_DATUMS,
    MISSING_SCRIPTS,
    NO_CONTEXT,
    OVERLAP,
    PURPOSES,
    SCRIPT_FAILS,
    NotEvaluated,
    show_budgets,
)
from facilitator_devnet.evaluation import evaluate as run_scripts

_OLD_PURPOSES = {"publish": "certificate", "withdraw": "withdrawal"}
"""Ogmios 5's names where they differ from those of Ogmios 6."""
_OLD_FAULTS = {
    SCRIPT_FAILS: "validatorFailed",
    MISSING_SCRIPTS: "missingRequiredScripts",
    MISSING_DATUMS: "missingRequiredDatums",
    EXTRANEOUS: "extraRedeemers",
}
_OLD_ERRORS = {OVERLAP: "AdditionalUtxoOverlap", NO_CONTEXT: "CannotCreateEvaluationContext"}


def evaluate(devnet: Devnet, request: Request) -> dict[str, Any]:
    """Answer ``/utils/txs/evaluate``: the body is the transaction in base 16 or base 64."""
    return _answer(devnet, request, request.body, {})


def evaluate_with_utxos(devnet: Devnet, request: Request) -> dict[str, Any]:
    """Answer ``/utils/txs/evaluate/utxos``: the body is ``{cbor, additionalUtxoSet}``."""
    try:
        question = orjson.loads(request.body)
        text = question["cbor"].encode()
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise invalid("body must have required property 'cbor'") from None
    try:
        additional = read_pairs(question.get("additionalUtxoSet"))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise invalid(f"Invalid request: additionalUtxoSet: {error!r}") from error
    return _answer(devnet, request, text, additional)


def _answer(
    devnet: Devnet, request: Request, text: bytes, additional: Mapping[OutputRef, Output]
) -> dict[str, Any]:
    transaction = _transaction(devnet, text)
    outcome: Sequence[ScriptOutcome] | NotEvaluated
    try:
        outcome = run_scripts(devnet, transaction, additional)
    except NotEvaluated as error:
        outcome = error
    return _as_version_6(outcome) if request.query.get("version") == "6" else _as_old(outcome)


def _transaction(devnet: Devnet, text: bytes) -> Transaction:
    try:
        raw = _bytes(text.strip())
        with devnet.chain() as chain:
            return chain.decode(raw, devnet.now())
    except ValueError as error:
        raise invalid(f"Invalid request: {error}") from error


def _bytes(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode())
    except ValueError:
        return base64.b64decode(text, validate=True)


def _as_version_6(outcome: Sequence[ScriptOutcome] | NotEvaluated) -> dict[str, Any]:
    shown: dict[str, Any]
    if isinstance(outcome, NotEvaluated):
        error = {"code": outcome.code, "message": str(outcome), "data": outcome.data}
        shown = {"error": error}
    else:
        shown = {"result": show_budgets(outcome)}
    return {"jsonrpc": "2.0", "method": "evaluateTransaction", **shown, "id": None}


def _as_old(outcome: Sequence[ScriptOutcome] | NotEvaluated) -> dict[str, Any]:
    result: dict[str, Any]
    if isinstance(outcome, NotEvaluated):
        result = {"EvaluationFailure": _old_failure(outcome)}
    else:
        budgets = {
            _old_pointer(PURPOSES[found.tag], found.item): {
                "memory": found.outcome.memory,
                "steps": found.outcome.steps,
            }
            for found in outcome
        }
        result = {"EvaluationResult": budgets}
    return {
        "type": "jsonwsp/response",
        "version": "1.0",
        "servicename": "ogmios",
        "methodname": "EvaluateTx",
        "result": result,
        "reflection": {"id": None},
    }


def _old_failure(error: NotEvaluated) -> dict[str, Any]:
    if error.code in _OLD_ERRORS:
        return {_OLD_ERRORS[error.code]: error.data}
    faults: dict[str, list[dict[str, Any]]] = {}
    for each in error.data:
        pointer = _old_pointer(each["validator"]["purpose"], each["validator"]["index"])
        faults.setdefault(pointer, []).append(_old_fault(each["error"]))
    return {"ScriptFailures": faults}


def _old_fault(error: Mapping[str, Any]) -> dict[str, Any]:
    data = error["data"]
    if error["code"] == SCRIPT_FAILS:
        data = {"error": data["validationError"], "traces": data["traces"]}
    return {_OLD_FAULTS[error["code"]]: data}


def _old_pointer(purpose: str, index: int) -> str:
    return f"{_OLD_PURPOSES.get(purpose, purpose)}:{index}"
