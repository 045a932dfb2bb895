"""Submission of transactions to Ogmios' node, and the meaning of its answers."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson

from facilitator.cardano.cbor import DecodeError
from facilitator.cardano.codec.dijkstra.any_era import decode_any_era
from facilitator.cardano.refusals import Proof, read_refusal
from facilitator.cardano.transaction import Transaction
from facilitator.plugin import SubmissionRejected, SubmissionUnknown
from facilitator_ogmios.client import Client, OutcomeUnknown

_log = logging.getLogger(__name__)


def submit(client: Client, transaction: bytes) -> str:
    """Hand the bytes to the node once; return the transaction's id.

    Raises :class:`SubmissionRejected`, :class:`SubmissionUnknown`, or a plain
    :class:`ChainUnavailable` when nothing was sent.
    """
    try:
        answer = client.send("submitTransaction", transaction={"cbor": transaction.hex()})
    except OutcomeUnknown as error:
        raise SubmissionUnknown(f"{error}; the transaction may have been sent") from None
    decoded = _decode(transaction)
    reported = _reported(answer)
    if reported is None:
        raise _not_taken(answer, decoded)
    if decoded is None or reported != decoded.id.hex():
        raise SubmissionUnknown("Ogmios reported another transaction id than its own")
    return reported


def _decode(transaction: bytes) -> Transaction | None:
    try:
        return decode_any_era(transaction)
    except DecodeError:
        return None


def _reported(answer: Mapping[str, Any]) -> str | None:
    """Return the id of the transaction that was taken; ``None`` if the answer has none."""
    found: Any = answer
    for name in ("result", "transaction", "id"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def _not_taken(answer: Mapping[str, Any], transaction: Transaction | None) -> Exception:
    """Return the error for an answer that is no success."""
    found = read_refusal(orjson.dumps({"error": answer.get("error")}).decode(), transaction)
    if found.proves is not Proof.NOTHING:
        return SubmissionRejected(found.text, proves=found.proves)
    # Its text is for the operator: it may name hosts.
    _log.warning("an answer of Ogmios that says nothing of the transaction: %s", found.text)
    return SubmissionUnknown(
        "the answer of Ogmios says nothing of the transaction; it may have been sent"
    )
