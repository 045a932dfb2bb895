"""Evaluation of a transaction's Plutus scripts by Ogmios' node."""

from collections.abc import Sequence

from facilitator.cardano.ogmios.evaluation import NoVerdict, read_evaluation
from facilitator.cardano.ogmios.fields import Malformed
from facilitator.cardano.rules.evaluation import ScriptFailure
from facilitator.plugin import ChainUnavailable
from facilitator_ogmios.client import Client, OutcomeUnknown, malformed
from facilitator_ogmios.outputs import take_question


def evaluate(client: Client, transaction: bytes) -> Sequence[ScriptFailure]:
    """Return the scripts that fail, or use more than their redeemer's budget.

    Raises :class:`ChainUnavailable` when the node gives no verdict.
    """
    take_question()
    try:
        answer = client.send("evaluateTransaction", transaction={"cbor": transaction.hex()})
    except OutcomeUnknown as error:
        raise ChainUnavailable(str(error)) from None
    try:
        return read_evaluation(answer, transaction)
    except Malformed as error:
        raise malformed(error) from None
    except NoVerdict as error:
        raise ChainUnavailable(f"Ogmios' node {error}") from None
