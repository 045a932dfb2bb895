"""``submitTransaction`` and ``evaluateTransaction``, and what Koios' Ogmios answers as well."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from facilitator.cardano.transaction import Transaction
from facilitator_devnet.additional_outputs import read_rows
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.evaluation import NotEvaluated, show_budgets
from facilitator_devnet.evaluation import evaluate as run_scripts

Params: TypeAlias = Mapping[str, Any]

CODES = {
    "InvalidWitnessesUTXOW": 3100,
    "MissingVKeyWitnessesUTXOW": 3101,
    "MissingScriptWitnessesUTXOW": 3102,
    "ScriptWitnessNotValidatingUTXOW": 3103,
    "ExtraneousScriptWitnessesUTXOW": 3104,
    "MissingRedeemers": 3109,
    "ExtraRedeemers": 3110,
    "MissingRequiredDatums": 3111,
    "NotAllowedSupplementalDatums": 3112,
    "PPViewHashesDontMatch": 3113,
    "ScriptIntegrityHashMismatch": 3113,
    "UnspendableUTxONoDatumHash": 3114,
    "CollectErrors:NoCostModel": 3115,
    "MalformedScriptWitnesses": 3116,
    "MalformedReferenceScripts": 3116,
    "BadInputsUTxO": 3117,
    "OutsideValidityIntervalUTxO": 3118,
    "MaxTxSizeUTxO": 3119,
    "OutputTooBigUTxO": 3120,
    "InputSetEmptyUTxO": 3121,
    "FeeTooSmallUTxO": 3122,
    "ValueNotConservedUTxO": 3123,
    "WrongNetwork": 3124,
    "BabbageOutputTooSmallUTxO": 3125,
    "InsufficientCollateral": 3128,
    "ScriptsNotPaidUTxO": 3129,
    "TooManyCollateralInputs": 3131,
    "NoCollateralInputs": 3132,
    "CollateralContainsNonADA": 3133,
    "ExUnitsTooBigUTxO": 3134,
    "IncorrectTotalCollateralField": 3135,
    "ValidationTagMismatch": 3136,
    "WithdrawalsNotInRewardsCERTS": 3141,
}
"""Ogmios' codes of the ledger's failures. Of several, the greatest number here comes last there."""
_LAST = (3117, 3122, 3123)
"""The codes that Ogmios reports only where there is no other."""
_UNRECOGNISED = 3998


class RpcError(Exception):
    """An error of JSON-RPC."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        """Take Ogmios' code, words and data."""
        super().__init__(message)
        self.shown = {"code": code, "message": message, **({"data": data} if data else {})}
        """The error object."""


def submit(devnet: Devnet, params: Params) -> Any:
    """Put the transaction in the mempool. Raises :class:`RpcError`."""
    transaction = read_transaction(devnet, params)
    with devnet.chain() as chain:
        missing, slot = chain.missing(transaction), devnet.now()
        failures = chain.take(transaction, slot)
    if not failures:
        return {"transaction": {"id": transaction.id.hex()}}
    inputs = transaction.body.inputs
    if 0 < len(inputs) == len(missing):
        why = "All inputs are spent. Transaction has probably already been included"
        raise RpcError(3997, "an unexpected error of the mempool", {"error": why})
    codes = [(CODES.get(rule, _UNRECOGNISED), why) for rule, why in failures]
    code, why = min(codes, key=lambda each: (each[0] in _LAST, each[0]))
    raise RpcError(code, why, _interval(transaction, slot))


def evaluate(devnet: Devnet, params: Params) -> Any:
    """Return what each script uses. Raises :class:`RpcError`."""
    transaction = read_transaction(devnet, params)
    try:
        additional = read_rows(params.get("additionalUtxo"))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise RpcError(-32_602, f"invalid additionalUtxo: {error!r}") from error
    try:
        return show_budgets(run_scripts(devnet, transaction, additional))
    except NotEvaluated as error:
        raise RpcError(error.code, str(error), error.data) from error


def read_transaction(devnet: Devnet, params: Params) -> Transaction:
    """Return the transaction. Raises :class:`RpcError`."""
    try:
        raw = bytes.fromhex(params["transaction"]["cbor"])
        with devnet.chain() as chain:
            return chain.decode(raw, devnet.now())
    except (ValueError, LookupError, TypeError) as error:
        raise RpcError(-32_602, f"invalid transaction: {error}") from error


def _interval(transaction: Transaction, slot: int) -> dict[str, Any]:
    body = transaction.body
    bounds = {"invalidBefore": body.invalid_before, "invalidAfter": body.invalid_hereafter}
    shown = {name: bound for name, bound in bounds.items() if bound is not None}
    return {"validityInterval": shown, "currentSlot": slot}
