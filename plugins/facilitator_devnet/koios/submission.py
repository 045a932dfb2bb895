"""``/submittx`` and Koios' Ogmios, ``/ogmios``."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.transaction import Transaction
from facilitator.x402.networks import cardano_network
from facilitator_devnet.blockfrost.errors import ApiError
from facilitator_devnet.blockfrost.evaluation import REASON
from facilitator_devnet.blockfrost.rejection import refused, undecodable
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import epochs_of, eras_of

CODES = {
    "InvalidWitnessesUTXOW": 3100,
    "MissingVKeyWitnessesUTXOW": 3101,
    "ScriptWitnessNotValidatingUTXOW": 3103,
    "BadInputsUTxO": 3117,
    "OutsideValidityIntervalUTxO": 3118,
    "MaxTxSizeUTxO": 3119,
    "OutputTooBigUTxO": 3120,
    "InputSetEmptyUTxO": 3121,
    "FeeTooSmallUTxO": 3122,
    "ValueNotConservedUTxO": 3123,
    "WrongNetwork": 3124,
    "BabbageOutputTooSmallUTxO": 3125,
    "WithdrawalsNotInRewardsCERTS": 3141,
}
"""Ogmios' codes of the ledger's failures. Of several, the greatest number here comes last there."""
_LAST = (3117, 3122, 3123)
"""The codes that Ogmios reports only where there is no other."""
_UNRECOGNISED = 3998


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
    if ask is None:
        return answer | _error(-32_601, f"unknown method {method!r}")
    return answer | ask(devnet, question.get("params") or {})


def _error(code: int, message: str, **data: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "data": data}}


def _transaction(devnet: Devnet, params: Mapping[str, Any]) -> Transaction:
    raw = bytes.fromhex(params["transaction"]["cbor"])
    with devnet.chain() as chain:
        return chain.decode(raw, devnet.now())


def _submit(devnet: Devnet, params: Mapping[str, Any]) -> dict[str, Any]:
    try:
        transaction = _transaction(devnet, params)
    except (ValueError, LookupError, TypeError) as error:
        return _error(-32_602, f"invalid transaction: {error}")
    with devnet.chain() as chain:
        missing, slot = chain.missing(transaction), devnet.now()
        failures = chain.take(transaction, slot)
    if not failures:
        return {"result": {"transaction": {"id": transaction.id.hex()}}}
    inputs = transaction.body.inputs
    if 0 < len(inputs) == len(missing):
        why = "All inputs are spent. Transaction has probably already been included"
        return _error(3997, "an unexpected error of the mempool", error=why)
    codes = [(CODES.get(rule, _UNRECOGNISED), why) for rule, why in failures]
    code, why = min(codes, key=lambda each: (each[0] in _LAST, each[0]))
    return _error(code, why, **_interval(transaction, slot))


def _interval(transaction: Transaction, slot: int) -> dict[str, Any]:
    body = transaction.body
    bounds = {"invalidBefore": body.invalid_before, "invalidAfter": body.invalid_hereafter}
    shown = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"validityInterval": shown, "currentSlot": slot}


def _evaluate(devnet: Devnet, params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer that the devnet runs no Plutus, unless there is none to run."""
    try:
        transaction = _transaction(devnet, params)
    except (ValueError, LookupError, TypeError) as error:
        return _error(-32_602, f"invalid transaction: {error}")
    if transaction.witnesses.redeemers:
        return _error(3004, "cannot evaluate", reason=REASON)
    return {"result": []}


def _tip(devnet: Devnet, params: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    with devnet.chain() as chain:
        point = chain.tip.point
    return {"result": {"slot": point.slot, "id": point.block}}


def _eras(devnet: Devnet, params: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    eras, epochs = eras_of(devnet.network).eras, epochs_of(devnet.network)
    return {
        "result": [
            {
                "start": {
                    "time": {"seconds": (era.start_ms - eras[0].start_ms) // 1000},
                    "slot": era.start_slot,
                    "epoch": epochs.start_epoch if era.start_slot else 0,
                },
                "end": None,
                "parameters": {
                    "epochLength": epochs.slots,
                    "slotLength": {"milliseconds": era.slot_ms},
                    "safeZone": 129_600,
                },
            }
            for era in eras
        ]
    }


def _genesis(devnet: Devnet, params: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    return {"result": {"networkMagic": cardano_network(devnet.network).magic}}


_METHODS: Mapping[str, Callable[[Devnet, Mapping[str, Any]], dict[str, Any]]] = {
    "submitTransaction": _submit,
    "evaluateTransaction": _evaluate,
    "queryNetwork/tip": _tip,
    "queryNetwork/genesisConfiguration": _genesis,
    "queryLedgerState/eraSummaries": _eras,
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
