"""Submission of transactions to Blockfrost, and the meaning of its answers."""

from typing import Any

import orjson

from facilitator.cardano.codec.cbor import DecodeError
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.plugin import SubmissionRejected, SubmissionUnknown
from facilitator_blockfrost.client import Client, OutcomeUnknown, refusal
from facilitator_blockfrost.connection import Answer
from facilitator_blockfrost.rejection import inputs_missing, is_verdict, rejection


def submit(client: Client, transaction: bytes) -> str:
    """Post the bytes once; return the id that Blockfrost reports.

    Raises :class:`SubmissionRejected`, :class:`SubmissionUnknown`, or a plain
    :class:`ChainUnavailable` when no node has got it.
    """
    try:
        answer = client.post("/tx/submit", transaction, "application/cbor")
    except OutcomeUnknown as error:
        raise SubmissionUnknown(f"{error}; the transaction may have been sent") from None
    if answer.status == 200:
        return _submitted(answer, transaction)
    if answer.status >= 500:
        raise SubmissionUnknown(f"{refusal(answer)}; the transaction may have been sent")
    if answer.status == 400 and (message := _message(answer)):
        if is_verdict(message):
            raise SubmissionRejected(rejection(message), inputs_missing=inputs_missing(message))
        raise SubmissionUnknown("Blockfrost could not reach its node; it may have been sent")
    raise refusal(answer)


def _submitted(answer: Answer, transaction: bytes) -> str:
    """Return the id that Blockfrost reports, if it is the transaction's own."""
    reported = _json(answer)
    try:
        own = decode_transaction(transaction).id.hex()
    except DecodeError as error:
        raise SubmissionUnknown(f"Blockfrost took what cannot be decoded: {error}") from None
    if reported != own:
        raise SubmissionUnknown(f"Blockfrost reported another transaction id than {own}")
    return own


def _message(answer: Answer) -> str | None:
    """Return the ``message`` of Blockfrost's error; ``None`` when it is not one."""
    error = _json(answer)
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else None


def _json(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
