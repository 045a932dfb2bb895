"""A search for payments as people write it: texts by name, of a URL or of a command line."""

import base64
import binascii
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime

from facilitator.roles.claim import ClaimState
from facilitator.roles.payment_ledger import PaymentQuery, Place, TotalBy

NAMES = (
    "state",
    "network",
    "payer",
    "payTo",
    "asset",
    "caller",
    "resource",
    "since",
    "until",
)
"""The names of :func:`parse_query`."""
STATES = tuple(state for state in ClaimState if state is not ClaimState.CLAIMED)
"""The states that payments in the ledger have."""


class BadSearch(ValueError):
    """A search that cannot be read; the text says which part, and what it may be."""


def parse_query(texts: Mapping[str, str]) -> PaymentQuery:
    """Return the query with these conditions; see :data:`NAMES`. Raises :class:`BadSearch`.

    ``state`` is one or more states with commas between them; ``since`` and ``until`` are a day, or
    a time, by ISO 8601, in UTC unless they name another offset.
    """
    states = texts.get("state")
    since, until = texts.get("since"), texts.get("until")
    return PaymentQuery(
        states=None if states is None else frozenset(map(_parse_state, states.split(","))),
        network=texts.get("network"),
        payer=texts.get("payer"),
        pay_to=texts.get("payTo"),
        asset=texts.get("asset"),
        caller=texts.get("caller"),
        resource=texts.get("resource"),
        since=None if since is None else parse_time("since", since),
        until=None if until is None else parse_time("until", until),
    )


def parse_by(text: str) -> list[TotalBy]:
    """Return the fields with commas between them. Raises :class:`BadSearch`."""
    try:
        return [TotalBy(each) for each in text.split(",") if each]
    except ValueError:
        raise BadSearch(f"by must be some of {', '.join(TotalBy)}") from None


def parse_time(name: str, text: str) -> float:
    """Return the Unix seconds of a day or time by ISO 8601. Raises :class:`BadSearch`."""
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        today = date(2026, 1, 31).isoformat()
        raise BadSearch(
            f"{name} must be a day such as {today}, or a time such as {today}T12:00:00Z"
        ) from None


def format_place(place: Place) -> str:
    """Return the cursor that stands for the place."""
    text = f"{place.created_at!r} {place.transaction_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_place(cursor: str) -> Place:
    """Return the place that a cursor stands for. Raises :class:`BadSearch`."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created_at, transaction_id = text.split(" ")
        place = Place(float(created_at), transaction_id)
    except (ValueError, binascii.Error):
        place = None
    if place is None or not math.isfinite(place.created_at):
        raise BadSearch("cursor must be one of an earlier answer, unchanged")
    return place


def _parse_state(text: str) -> ClaimState:
    if text not in STATES:
        raise BadSearch(f"state must be some of {', '.join(STATES)}")
    return ClaimState(text)
