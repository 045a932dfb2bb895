"""Submission of transactions to Koios, and the meaning of its answers.

Its Ogmios says by a code what a node refuses. The body is twice the transaction there. So one that
is too large for the tier goes to ``/submittx`` (cardano-submit-api), which takes the bytes; and so
does each where no Ogmios answers.
"""

import logging
from typing import Any

import orjson

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.refusals import Proof, read_refusal
from facilitator.cardano.transaction import Transaction
from facilitator.plugin import SubmissionRejected, SubmissionUnknown
from facilitator_koios.client import Client, OutcomeUnknown, refusal
from facilitator_koios.ogmios import PATH, message
from facilitator_koios.wire import Answer

_NOT_SENT = frozenset({401, 402, 403, 404, 405, 411, 413, 414, 415, 429, 431, 501})
"""Statuses of what stands before a node: the transaction was not passed on."""
_NOT_THERE = frozenset({401, 403, 404, 405, 413, 501})
"""Those after which another path may take it."""

_log = logging.getLogger(__name__)


def submit(client: Client, transaction: bytes) -> str:
    """Post the bytes once; return the transaction's id.

    Raises :class:`SubmissionRejected`, :class:`SubmissionUnknown`, or a plain
    :class:`ChainUnavailable` when no node has got it.
    """
    decoded = _decode(transaction)
    try:
        answer = _post(client, transaction)
    except OutcomeUnknown as error:
        raise SubmissionUnknown(f"{error}; the transaction may have been sent") from None
    if 200 <= answer.status < 300 and decoded is not None:
        found = _reported(answer)
        if found == decoded.id.hex():
            return found
        if found is not None:
            raise SubmissionUnknown("Koios reported another transaction id than its own")
    raise _not_taken(answer, decoded)


def _post(client: Client, transaction: bytes) -> Answer:
    cbor = {"cbor": transaction.hex()}
    body = orjson.dumps(message("submitTransaction", transaction=cbor))
    fits = client.body_limit is None or len(body) <= client.body_limit
    if fits and PATH not in client.lacking:
        answer = client.send(PATH, body, "application/json")
        if answer.status not in _NOT_THERE:
            return answer
    return client.send("/submittx", transaction, "application/cbor")


def _decode(transaction: bytes) -> Transaction | None:
    try:
        return decode_any_era(transaction)
    except DecodeError:
        return None


def _reported(answer: Answer) -> str | None:
    """Return the id that Ogmios or the submit API reports; ``None`` if the answer has none."""
    try:
        found: Any = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    for name in ("result", "transaction", "id"):
        if isinstance(found, dict):
            found = found.get(name)
    return found if isinstance(found, str) else None


def _not_taken(answer: Answer, transaction: Transaction | None) -> Exception:
    """Return the error for an answer that is no success."""
    found = read_refusal(answer.body.decode("utf-8", "replace"), transaction)
    # Only these pass on what a node says; that inputs are missing is believed of any.
    passes_on = answer.status == 400 or 200 <= answer.status < 300
    if found.proves is Proof.INPUTS or (passes_on and found.proves is not Proof.NOTHING):
        return SubmissionRejected(found.text, proves=found.proves)
    if answer.status in _NOT_SENT:
        return refusal(answer)
    # Its text is for the operator: it may name hosts.
    _log.warning("an answer that says nothing of the transaction: %s %s", answer.status, found.text)
    return SubmissionUnknown(
        f"the answer of Koios ({answer.status}) says nothing of the transaction; it may have been"
        " sent"
    )
