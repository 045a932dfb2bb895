"""Evaluation of a transaction's Plutus scripts by Blockfrost's node and its Ogmios."""

from collections.abc import Sequence

import orjson

from facilitator.cardano.ogmios.evaluation import NoVerdict, read_evaluation
from facilitator.cardano.ogmios.fields import Malformed as MalformedEvaluation
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.plugin import ChainUnavailable
from facilitator_blockfrost.client import Client, OutcomeUnknown, refusal
from facilitator_blockfrost.fields import Malformed, table

_PATH = "/utils/txs/evaluate/utxos?version=6"


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
    if answer.status != 200 and not {"error", "jsonrpc"} <= evaluated.keys():
        raise refusal(answer)
    try:
        return read_evaluation(evaluated, transaction)
    except MalformedEvaluation as error:
        raise Malformed(str(error)) from None
    except NoVerdict as error:
        raise ChainUnavailable(f"Blockfrost's node {error}") from None
