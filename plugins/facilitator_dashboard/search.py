"""The search of the page for payments, as it writes it into a query: times in Unix seconds."""

import math
import re

import falcon

from facilitator.plugin import ClaimState, PaymentQuery, Place

MAX_PAGE = 100
"""Payments of a page at most."""
_PAGE = 25
_PLACE = re.compile(r"([0-9]{1,20}\.[0-9]{1,20}) ([0-9a-f]{64})")


def parse_query(req: falcon.Request) -> PaymentQuery:
    """Return the payments that are wanted. Raises :class:`falcon.HTTPInvalidParam`."""
    state = req.get_param("state")
    return PaymentQuery(
        states=None if state is None else frozenset([_parse_state(state)]),
        network=req.get_param("network"),
        payer=req.get_param("payer"),
        pay_to=req.get_param("payTo"),
        asset=req.get_param("asset"),
        caller=req.get_param("caller"),
        resource=req.get_param("resource"),
        since=_parse_time(req, "since"),
        until=_parse_time(req, "until"),
    )


def parse_limit(req: falcon.Request) -> int:
    """Return the size of a page. Raises :class:`falcon.HTTPInvalidParam`."""
    return req.get_param_as_int("limit", default=_PAGE, min_value=1, max_value=MAX_PAGE)


def parse_before(req: falcon.Request) -> Place | None:
    """Return the place after which the page begins. Raises :class:`falcon.HTTPInvalidParam`."""
    text = req.get_param("before")
    if text is None:
        return None
    if (match := _PLACE.fullmatch(text)) is None:
        raise falcon.HTTPInvalidParam("It must be that of an earlier answer.", "before")
    return Place(float(match[1]), match[2])


def format_place(place: Place) -> str:
    """Return the text that :func:`parse_before` takes."""
    return f"{place.created_at!r} {place.transaction_id}"


def _parse_state(text: str) -> ClaimState:
    try:
        return ClaimState(text)
    except ValueError:
        raise falcon.HTTPInvalidParam("There is no such state.", "state") from None


def _parse_time(req: falcon.Request, name: str) -> float | None:
    time = req.get_param_as_float(name)
    if time is not None and not math.isfinite(time):
        raise falcon.HTTPInvalidParam("It must be a time in Unix seconds.", name)
    return time
