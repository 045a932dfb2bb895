"""Evaluation of a transaction's Plutus scripts by Koios' Ogmios."""

from collections.abc import Sequence

import orjson

from facilitator.cardano.ogmios.evaluation import NoVerdict, read_evaluation
from facilitator.cardano.ogmios.fields import Malformed as MalformedEvaluation
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.plugin import ChainUnavailable
from facilitator_koios.client import Client, OutcomeUnknown, refusal
from facilitator_koios.fields import Malformed, table
from facilitator_koios.ogmios import PATH, message
from facilitator_koios.outputs import take_question


def evaluate(client: Client, transaction: bytes) -> Sequence[ScriptFailure]:
    """Return the scripts that fail, or use more than their redeemer's budget.

    Raises :class:`ChainUnavailable` when the node gives no verdict.
    """
    cbor = {"cbor": transaction.hex()}
    body = orjson.dumps(message("evaluateTransaction", transaction=cbor))
    if client.body_limit is not None and len(body) > client.body_limit:
        raise ChainUnavailable("the transaction is too large for Koios to run its scripts")
    take_question()
    try:
        answer = client.send(PATH, body, "application/json")
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
        raise ChainUnavailable(f"Koios' node {error}") from None
