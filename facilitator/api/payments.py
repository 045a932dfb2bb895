"""``GET /payments``: the payment ledger, for operators.

Each resource needs a key with the scope ``operate``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import falcon

from facilitator.api.auth import Gate
from facilitator.api.errors import ApiError
from facilitator.api.payment_search import (
    NAMES,
    BadSearch,
    format_place,
    parse_by,
    parse_place,
    parse_query,
)
from facilitator.api.requests import transaction_id_of
from facilitator.api.responses import answer
from facilitator.api.service import ServiceUnavailable
from facilitator.roles.api_keys import Scope
from facilitator.roles.payment_json import event_json, payment_json, refusal_json, total_json
from facilitator.roles.payment_ledger import PaymentLedger, Place
from facilitator.roles.storage import StorageUnavailable
from facilitator.x402.reasons import Reason

PAGE = 100
"""Payments of a page, unless the caller asks for another number."""
MAX_PAGE = 1_000
"""Payments of a page at most."""
_RETRY_SECONDS = 5
_PAID = "settled"
_MAX_DIGITS = 19


class _OfLedger:
    """A resource that reads the ledger."""

    def __init__(self, ledger: PaymentLedger, gate: Gate) -> None:
        """Read ``ledger`` for callers that ``gate`` admits."""
        self.ledger = ledger
        self._gate = gate

    def admitted(self, req: falcon.Request, *names: str) -> dict[str, str]:
        """Return the query of an operator; it has these names alone. Raises :class:`ApiError`."""
        self._gate.require(req, Scope.OPERATE)
        texts = {name: req.get_param(name, default="") for name in req.params}
        if unknown := next((name for name in texts if name not in names), None):
            known = f"It may have: {', '.join(names)}." if names else "It may have none."
            raise _bad(f"The query has {unknown!r:.60}, which means nothing here. {known}")
        return texts


class Payments(_OfLedger):
    """``GET /payments``: a page of payments, newest first."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the payments that meet the query, and a cursor if there may be more."""
        texts = self.admitted(req, *NAMES, "limit", "cursor")
        limit = _parse_whole(texts, "limit", PAGE, MAX_PAGE)
        with _reading():
            place = parse_place(texts["cursor"]) if "cursor" in texts else None
            found = self.ledger.payments(parse_query(texts), place, limit)
        document: dict[str, Any] = {"payments": [payment_json(each) for each in found]}
        if len(found) == limit:
            last = found[-1]
            document["next"] = format_place(Place(last.created_at, last.transaction_id))
        answer(resp, document)


class PaymentStory(_OfLedger):
    """``GET /payments/{transaction}``: a payment and all its events."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, transaction: str) -> None:
        """Return the payment; 404 if it is not in the ledger."""
        self.admitted(req)
        transaction_id = transaction_id_of(transaction)
        with _reading():
            payment = self.ledger.payment(transaction_id)
            events = self.ledger.events(transaction_id)
        if payment is None:
            raise ApiError(404, "not_found", "The ledger has no payment with this transaction.")
        answer(resp, {**payment_json(payment), "events": [event_json(each) for each in events]})


class PaymentTotals(_OfLedger):
    """``GET /payments/totals``: sums by network and asset, and by what else is asked for."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the sums of the payments that meet the query; of settled ones by default."""
        texts = self.admitted(req, *NAMES, "by")
        with _reading():
            query = parse_query({"state": _PAID, **texts})
            found = self.ledger.totals(query, parse_by(texts.get("by", "")))
        answer(resp, {"totals": [total_json(each) for each in found]})


class PaymentEvents(_OfLedger):
    """``GET /payments/events``: the changes of all payments, to follow them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the events after the number ``after``, and the number to go on from."""
        texts = self.admitted(req, "after", "limit")
        limit = _parse_whole(texts, "limit", PAGE, MAX_PAGE)
        with _reading():
            if "after" in texts:
                after = _parse_whole(texts, "after", 0, 2**63 - 1, least=0)
                found = self.ledger.events_after(after, limit)
            else:
                after, found = self.ledger.last_number(), []
        last = found[-1].number if found else after
        answer(resp, {"events": [event_json(each) for each in found], "last": last})


class PaymentRefusals(_OfLedger):
    """``GET /payments/refusals``: refused requests, counted by day, endpoint, reason and caller."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the counts from the day ``since`` on."""
        texts = self.admitted(req, "since")
        with _reading():
            found = self.ledger.refusals(texts.get("since", ""))
        answer(resp, {"refusals": [refusal_json(each) for each in found]})


@contextmanager
def _reading() -> Iterator[None]:
    """Turn errors of the ledger and of the search into answers."""
    try:
        yield
    except BadSearch as error:
        raise _bad(f"{error}.") from None
    except StorageUnavailable as error:
        message = f"The payment ledger cannot be read now: {error}."
        raise ServiceUnavailable(Reason.EVIDENCE_UNAVAILABLE, message, _RETRY_SECONDS) from error


def payment_resources(ledger: PaymentLedger | None, gate: Gate) -> Mapping[str, object]:
    """Return the resources by path; none without a ledger."""
    kinds: Mapping[str, Callable[[PaymentLedger, Gate], object]] = {
        "/payments": Payments,
        "/payments/totals": PaymentTotals,
        "/payments/events": PaymentEvents,
        "/payments/refusals": PaymentRefusals,
        "/payments/{transaction}": PaymentStory,
    }
    return {} if ledger is None else {path: kind(ledger, gate) for path, kind in kinds.items()}


def _parse_whole(
    texts: Mapping[str, str], name: str, default: int, greatest: int, least: int = 1
) -> int:
    text = texts.get(name, str(default))
    is_number = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    if not is_number or not least <= int(text) <= greatest:
        raise _bad(f"{name} must be a whole number from {least} to {greatest}.")
    return int(text)


def _bad(message: str) -> ApiError:
    return ApiError(400, "invalid_query", message)
