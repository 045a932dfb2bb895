"""The data of the page, as JSON: for operators, and for programs of this machine."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import falcon

from facilitator.plugin import (
    ChainUnavailable,
    Context,
    PaymentLedger,
    Place,
    PluginError,
    Refused,
    Scope,
    StorageUnavailable,
    event_json,
    payment_json,
)
from facilitator_dashboard.files import PATH
from facilitator_dashboard.overview import Overview
from facilitator_dashboard.search import format_place, parse_before, parse_limit, parse_query
from facilitator_dashboard.settings import DashboardSettings

MAX_EVENTS = 100
"""Events of one answer at most."""
_RETRY_SECONDS = 5
_MAX_NUMBER = 2**53 - 1
_TRANSACTION_ID = re.compile(r"[0-9a-f]{64}")


class _Data:
    """A resource for those who may look at payments."""

    def __init__(self, context: Context) -> None:
        """Read from the context's reader."""
        self.reader = context.reader
        self._local = context.settings.section(DashboardSettings).local

    def admit(self, req: falcon.Request) -> None:
        """Admit a program of this machine, by the settings, or else an operator by its key."""
        if not (self._local and req.context.is_local):
            req.context.gate.require(req, Scope.OPERATE)

    def ledger(self, req: falcon.Request) -> PaymentLedger:
        """Return the ledger for one who may read it. Raises :class:`falcon.HTTPNotFound`."""
        self.admit(req)
        if (ledger := self.reader.ledger) is None:
            why = (
                "There is no payment ledger here: neither the storage keeps one, nor does a plugin."
            )
            raise falcon.HTTPNotFound(title="no_ledger", description=why)
        return ledger


class OverviewData(_Data):
    """``data/overview``: sums, times to confirmation, refusals, callers."""

    def __init__(self, context: Context) -> None:
        """Compute the figures by the context's clock."""
        super().__init__(context)
        longest = context.settings.settlement.max_timeout_seconds
        self._overview = Overview(context.clock, longest)
        self._has_metrics = "prometheus" in context.settings.plugins

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the figures, and whether there is a page of metrics."""
        ledger = self.ledger(req)
        with _reading():
            resp.media = {**self._overview.figures(ledger), "metrics": self._has_metrics}


class PaymentsData(_Data):
    """``data/payments``: a page of payments, newest first."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the payments that meet the query, and where the next page begins, if any."""
        ledger = self.ledger(req)
        limit = parse_limit(req)
        with _reading():
            # One more than shown says if there is a next page.
            found = list(ledger.payments(parse_query(req), parse_before(req), limit + 1))
        document: dict[str, Any] = {"payments": [payment_json(each) for each in found[:limit]]}
        if len(found) > limit:
            last = found[limit - 1]
            document["next"] = format_place(Place(last.created_at, last.transaction_id))
        resp.media = document


class EventsData(_Data):
    """``data/events``: the changes of all payments."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Return the events after a number; without one none, and the number of now."""
        ledger = self.ledger(req)
        after = req.get_param_as_int("after", min_value=0, max_value=2**63 - 1)
        with _reading():
            if after is None:
                after, found = ledger.last_number(), []
            else:
                found = list(ledger.events_after(after, MAX_EVENTS))
        last = found[-1].number if found else after
        resp.media = {"events": [event_json(each) for each in found], "last": last}


class PaymentData(_Data):
    """``data/payments/{transaction}``: a payment and its events."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, transaction: str) -> None:
        """Return the payment; 404 if the ledger does not have it."""
        ledger = self.ledger(req)
        with _reading():
            payment = ledger.payment(transaction) if _is_id(transaction) else None
            if payment is None:
                why = "The ledger has no payment with this transaction."
                raise falcon.HTTPNotFound(title="no_payment", description=why)
            events = ledger.events(transaction)
        resp.media = {**payment_json(payment), "events": [event_json(each) for each in events]}


class ReportData(_Data):
    """``data/payments/{transaction}/report``: the transaction, as ``inspect`` reports on it."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, transaction: str) -> None:
        """Return the report, which asks the chain; 404 once the claim is forgotten."""
        self.admit(req)
        with _reading():
            claim = self.reader.claim(transaction) if _is_id(transaction) else None
            if claim is None:
                why = "Its claim, which holds the transaction, is forgotten a while after the end."
                raise falcon.HTTPNotFound(title="no_claim", description=why)
            resp.media = _exact(self.reader.report(claim))


@contextmanager
def _reading() -> Iterator[None]:
    """Turn errors of storage, ledger and chain into answers."""
    try:
        yield
    except (StorageUnavailable, ChainUnavailable) as error:
        raise falcon.HTTPServiceUnavailable(
            title="evidence_unavailable",
            description=f"It cannot be read now, try again: {error}.",
            retry_after=_RETRY_SECONDS,
        ) from error
    except (PluginError, Refused) as error:
        why = f"There is no report on it: {error}."
        raise falcon.HTTPNotFound(title="no_report", description=why) from error


def _exact(value: Any) -> Any:
    """Return the JSON value with whole numbers as text that a browser would round."""
    match value:
        case dict():
            return {name: _exact(each) for name, each in value.items()}
        case list():
            return [_exact(each) for each in value]
        case int() if abs(value) > _MAX_NUMBER:
            return str(value)
    return value


def _is_id(text: str) -> bool:
    return _TRANSACTION_ID.fullmatch(text) is not None


def data_routes(context: Context) -> Mapping[str, object]:
    """Return the resources by path."""
    return {
        f"{PATH}/data/overview": OverviewData(context),
        f"{PATH}/data/payments": PaymentsData(context),
        f"{PATH}/data/events": EventsData(context),
        f"{PATH}/data/payments/{{transaction}}": PaymentData(context),
        f"{PATH}/data/payments/{{transaction}}/report": ReportData(context),
    }
