"""Payments as a server is shown them, and its answers (x402 v2, HTTP transport)."""

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from facilitator.client.errors import OutcomeNotKnown
from facilitator.client.http import Client
from facilitator.client.requirements import HEADER, decoded
from facilitator.roles.payer import HttpAnswer, Presented
from facilitator.x402.reasons import Reason

SENT = "PAYMENT-SIGNATURE"
RECEIPT = "PAYMENT-RESPONSE"

ROUNDS = 10
"""Times that one payment is presented before its outcome counts as unknown."""
PAUSE_SECONDS = 3.0
"""Seconds before it is presented again."""

PAYMENT_REQUIRED = 402
_SERVER_ERROR = 500


def write_payment(
    requirements: Mapping[str, Any], payload: Mapping[str, Any], resource: Any
) -> dict[str, Any]:
    """Return the message of a payment; it repeats the server's ``resource`` if that is there."""
    message = {"x402Version": 2, "accepted": requirements, "payload": payload}
    return message if resource is None else {**message, "resource": resource}


def encode_header(message: Mapping[str, Any]) -> str:
    """Return the message as the value of a header of x402."""
    return base64.b64encode(orjson.dumps(message)).decode()


def present(
    client: Client, header: str, not_known: str, report: Callable[[str], None]
) -> Presented:
    """Return the server's last answer to the payment, presented up to :data:`ROUNDS` times.

    Again while it is not settled yet, or no definite answer comes. ``not_known`` is what is not
    known then, and ends with the advice that the person needs. Raises :class:`OutcomeNotKnown`.
    """
    for left in reversed(range(ROUNDS)):
        try:
            answer = client.send({SENT: header})
            presented = read_answer(answer)
            failed = answer.status >= _SERVER_ERROR
            if not (failed or says_pending(presented)) or not left:
                return presented
            why = f"the server answered {answer.status}" if failed else "it is not settled yet"
        except OSError as error:
            why = f"no answer came ({error})"
        if left:
            report(f"{why}: asking again with the same payment")
            time.sleep(PAUSE_SECONDS)
    raise OutcomeNotKnown(not_known.format(why=why))


def read_answer(answer: HttpAnswer) -> Presented:
    """Return the answer with the objects in its headers."""
    required = None
    if answer.status == PAYMENT_REQUIRED:
        required = _object(answer.headers.get(HEADER))
    return Presented(answer, _object(answer.headers.get(RECEIPT)), required)


def says_pending(presented: Presented) -> bool:
    """Return True if the payment is not settled yet."""
    if presented.answer.status != PAYMENT_REQUIRED:
        return False
    receipt = presented.receipt or {}
    return Reason.PENDING in (receipt.get("errorReason"), presented.refusal)


def _object(header: str | None) -> Mapping[str, Any] | None:
    """Return the JSON object in the header; ``None`` when there is none."""
    try:
        value = decoded(header or "")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
