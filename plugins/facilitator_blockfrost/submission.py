"""Submission of transactions to Blockfrost, and the meaning of its answers."""

import logging

import orjson

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.refusals import Proof, read_refusal
from facilitator.cardano.transaction import Transaction
from facilitator.plugin import SubmissionRejected, SubmissionUnknown
from facilitator_blockfrost.client import Client, OutcomeUnknown, refusal
from facilitator_blockfrost.connection import Answer

_NOT_SENT = frozenset({401, 402, 403, 404, 405, 411, 413, 414, 415, 418, 425, 429, 431, 501})
"""Statuses of what stands before a node: the transaction was not passed on."""
_NO_SUCH_PATH = b"Invalid path"
"""In blockfrost-backend-ryo's answer with status 400 to a path that it does not have."""

_log = logging.getLogger(__name__)


def submit(client: Client, transaction: bytes) -> str:
    """Post the bytes once; return the id that Blockfrost reports.

    Raises :class:`SubmissionRejected`, :class:`SubmissionUnknown`, or a plain
    :class:`ChainUnavailable` when no node has got it.
    """
    try:
        answer = client.post("/tx/submit", transaction, "application/cbor")
    except OutcomeUnknown as error:
        raise SubmissionUnknown(f"{error}; the transaction may have been sent") from None
    decoded = _decode(transaction)
    if 200 <= answer.status < 300:
        return _submitted(answer, decoded)
    raise _not_taken(answer, decoded)


def _decode(transaction: bytes) -> Transaction | None:
    try:
        return decode_any_era(transaction)
    except DecodeError:
        return None


def _submitted(answer: Answer, transaction: Transaction | None) -> str:
    """Return the id that Blockfrost reports, if it is the transaction's own."""
    if transaction is None:
        raise SubmissionUnknown("Blockfrost took what cannot be decoded")
    own = transaction.id.hex()
    if _reported_id(answer) != own:
        raise SubmissionUnknown(f"Blockfrost reported another transaction id than {own}")
    return own


def _reported_id(answer: Answer) -> object:
    """Return the id, which some servers write as JSON and others (Dolos, yaci-store) as it is."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer.body.strip().decode("ascii", "replace")


def _not_taken(answer: Answer, transaction: Transaction | None) -> Exception:
    """Return the error for an answer that is no success."""
    found = read_refusal(answer.body.decode("utf-8", "replace"), transaction)
    if answer.status == 409:
        return SubmissionRejected("the server has it already (409)", proves=Proof.INPUTS)
    # Only the status 400 passes on what a node says; that inputs are missing is believed of any.
    if found.proves is Proof.INPUTS or (answer.status == 400 and found.proves is not Proof.NOTHING):
        return SubmissionRejected(found.text, proves=found.proves)
    if answer.status in _NOT_SENT or (answer.status == 400 and _NO_SUCH_PATH in answer.body):
        return refusal(answer)
    # Its text is for the operator: it may name hosts.
    _log.warning("an answer that says nothing of the transaction: %s %s", answer.status, found.text)
    return SubmissionUnknown(
        f"the answer of Blockfrost ({answer.status}) says nothing of the transaction; it may have"
        " been sent"
    )
