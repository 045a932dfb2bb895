"""Evaluation of a transaction's Plutus scripts by Blockfrost's node and its Ogmios.

https://ogmios.dev: the answer has the units that each script used, or each failure and its reason.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.cardano.transaction import Redeemer
from facilitator.plugin import ChainUnavailable
from facilitator_blockfrost.client import Client, OutcomeUnknown, refusal
from facilitator_blockfrost.fields import Malformed, rows, table, text, whole

_PATH = "/utils/txs/evaluate/utxos?version=6"
_PURPOSES = {"spend": 0, "mint": 1, "publish": 2, "withdraw": 3, "vote": 4, "propose": 5}
"""Ogmios' names by the tag of a redeemer (CDDL ``redeemer_tag``)."""
_SCRIPTS_FAIL = 3010
_VERDICTS = {3012: "it ends in an error", 3161: "it needs more than a transaction may use"}
"""Ogmios' codes for faults of the script itself, not of the request to run it."""


class _Item(NamedTuple):
    tag: int
    index: int  # type: ignore[assignment]  # as in Redeemer


def evaluate(client: Client, transaction: bytes) -> Sequence[ScriptFailure]:
    """Return the scripts that fail, or use more than their redeemer's budget.

    Raises :class:`ChainUnavailable` when the node gives no verdict.
    """
    # The outputs that it spends are on the chain, and passing them again is an error.
    body = orjson.dumps({"cbor": transaction.hex(), "additionalUtxoSet": []})
    try:
        answer = client.post(_PATH, body, "application/json")
    except OutcomeUnknown as error:
        raise ChainUnavailable(str(error)) from None
    try:
        evaluated = table(orjson.loads(answer.body), "an evaluation")
    except orjson.JSONDecodeError:
        raise refusal(answer) from None
    if "error" in evaluated and "jsonrpc" in evaluated:
        return _failures(table(evaluated["error"], "error"))
    if answer.status != 200:
        raise refusal(answer)
    return _over_budget(_redeemers(transaction), evaluated.get("result"))


def _redeemers(transaction: bytes) -> Sequence[Redeemer]:
    try:
        return decode_any_era(transaction).witnesses.redeemers
    except DecodeError as error:
        raise ChainUnavailable(f"the transaction cannot be decoded: {error}") from None


def _over_budget(redeemers: Sequence[Redeemer], result: Any) -> Sequence[ScriptFailure]:
    """Return the scripts over their budgets, which Ogmios does not apply.

    It runs each script with all that a transaction may use.
    """
    used = {_item(row): table(row.get("budget"), "budget") for row in rows(result, "an evaluation")}
    failures = []
    for redeemer in redeemers:
        budget = used.get(_Item(redeemer.tag, redeemer.index))
        if budget is None:
            raise Malformed("an evaluation without one of the scripts")
        memory, steps = whole(budget, "memory"), whole(budget, "cpu")
        if memory > redeemer.memory or steps > redeemer.steps:
            why = (
                f"it uses {memory} memory and {steps} steps,"
                f" its budget is {redeemer.memory} and {redeemer.steps}"
            )
            failures.append(ScriptFailure(redeemer.tag, redeemer.index, why))
    return failures


def _failures(error: Mapping[str, Any]) -> Sequence[ScriptFailure]:
    if error.get("code") != _SCRIPTS_FAIL:
        raise ChainUnavailable(f"Blockfrost's node cannot run the scripts: {_excerpt(error)}")
    failures = []
    for row in rows(error.get("data"), "failing scripts"):
        why = table(row.get("error"), "a script's error")
        code = why.get("code")
        if code not in _VERDICTS:
            raise ChainUnavailable(f"Blockfrost's node cannot run a script: {_excerpt(why)}")
        failures.append(ScriptFailure(*_item(row), _VERDICTS[code]))
    if not failures:
        raise Malformed("failing scripts are none")
    return failures


def _item(row: Mapping[str, Any]) -> _Item:
    validator = table(row.get("validator"), "validator")
    tag = _PURPOSES.get(text(validator, "purpose"))
    if tag is None:
        raise Malformed("a script has an unknown purpose")
    return _Item(tag, whole(validator, "index"))


def _excerpt(error: Mapping[str, Any]) -> str:
    return " ".join(text(error, "message").split())[:200]
