"""The operations on the payment ledger, with their parameters and JSON Schemas."""

from facilitator.api.openapi.refusals import headers, refusals
from facilitator.api.openapi.schemas import (
    COUNT,
    ID,
    OPEN,
    TEXT,
    Schema,
    about,
    items,
    maybe,
    record,
    ref,
)
from facilitator.api.payment_search import STATES
from facilitator.roles.claim import Delivery
from facilitator.roles.payment_ledger import TotalBy

_TIME: Schema = {"type": "string", "format": "date-time"}
_AMOUNT: Schema = {"type": "string", "pattern": "^[0-9]+$"}
_FLAG: Schema = {"type": "boolean"}
_STATE: Schema = {"enum": [str(state) for state in STATES]}
_DELIVERY: Schema = {"enum": [str(delivery) for delivery in Delivery]}
_BLOCK = maybe(record({"hash": TEXT, "slot": COUNT, "height": COUNT, "depth": maybe(COUNT)}))

_PAYMENT: dict[str, Schema] = {
    "transaction": ID,
    "network": TEXT,
    "scheme": TEXT,
    "method": TEXT,
    "state": _STATE,
    "payer": maybe(TEXT),
    "payTo": TEXT,
    "asset": TEXT,
    "amount": about(_AMOUNT, "Atomic units of the asset."),
    "fee": maybe(about(_AMOUNT, "Lovelace that the ledger takes.")),
    "resource": maybe(about(TEXT, "As the payer wrote it.")),
    "caller": maybe(about(TEXT, "Name of the API key that settled it first.")),
    "client": maybe(TEXT),
    "identifier": maybe(TEXT),
    "terms": maybe(OPEN),
    "requestId": maybe(TEXT),
    "confirmations": {"type": "integer", "minimum": -1},
    "createdAt": _TIME,
    "updatedAt": _TIME,
    "settledAt": maybe(_TIME),
    "block": _BLOCK,
    "error": maybe(TEXT),
    "delivery": _DELIVERY,
    "deliveredAt": maybe(_TIME),
    "deliveredTo": maybe(TEXT),
    "erased": about(_FLAG, "Whether the personal fields were erased."),
}
_EVENT = record(
    {
        "number": COUNT,
        "transaction": ID,
        "at": _TIME,
        "state": _STATE,
        "accepted": about(_FLAG, "Whether a node has taken it from here."),
        "block": _BLOCK,
        "error": maybe(TEXT),
        "delivery": _DELIVERY,
        "deliveredTo": maybe(TEXT),
        "deliveryRequestId": maybe(TEXT),
    }
)
_TOTAL = record(
    {
        "day": TEXT,
        "payTo": TEXT,
        "caller": TEXT,
        "network": TEXT,
        "asset": TEXT,
        "count": COUNT,
        "amount": _AMOUNT,
        "fee": _AMOUNT,
    },
    *(str(each) for each in TotalBy),
)
_REFUSAL = record(
    {
        "day": TEXT,
        "endpoint": {"enum": ["verify", "settle"]},
        "reason": TEXT,
        "caller": maybe(TEXT),
        "count": COUNT,
        "lastAt": _TIME,
        "sample": TEXT,
    }
)

LEDGER_SCHEMAS: dict[str, Schema] = {
    "LedgerPayment": record(_PAYMENT),
    "LedgerPaymentStory": record({**_PAYMENT, "events": items(ref("LedgerEvent"))}),
    "LedgerPage": record(
        {
            "payments": items(ref("LedgerPayment")),
            "next": about(TEXT, "The `cursor` of the next page, if there may be one."),
        },
        "next",
    ),
    "LedgerEvent": _EVENT,
    "LedgerEvents": record(
        {
            "events": items(ref("LedgerEvent")),
            "last": about(COUNT, "The `after` of the next call."),
        }
    ),
    "LedgerTotals": record({"totals": items(_TOTAL)}),
    "LedgerRefusals": record({"refusals": items(_REFUSAL)}),
}


def _query(name: str, description: str, schema: Schema = TEXT) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}
_SEARCH = (
    _query("state", f"One or more of {', '.join(STATES)}, with commas between them."),
    _query("network", "Canonical id of the network."),
    _query("payer", "The payer's address."),
    _query("payTo", "The recipient's address."),
    _query("asset", "`lovelace`, or policy id and asset name in hex with a dot between them."),
    _query("caller", "Name of the API key; empty for payments without one."),
    _query("resource", "The beginning of the resource's URL."),
    _query("since", "A day or time by ISO 8601: claimed then or later."),
    _query("until", "A day or time by ISO 8601: claimed before."),
)
_LIMITED = _query("limit", "Entries at most.", _LIMIT)
_TRANSACTION: Schema = {"$ref": "#/components/parameters/Transaction"}


def ledger_paths(security: list[Schema]) -> dict[str, Schema]:
    """Return the path items; ``security`` is that of operators."""

    def get(
        name: str,
        summary: str,
        schema: str,
        *parameters: Schema,
        bad: str = "invalid_query",
        more: tuple[int, ...] = (),
    ) -> Schema:
        answer = {
            "headers": headers(),
            "content": {"application/json": {"schema": ref(schema)}},
            "description": "What the ledger holds.",
        }
        refused = refusals(401, 403, 503, *more, reasons={400: (bad,)})
        request_id: Schema = {"$ref": "#/components/parameters/RequestId"}
        operation = {
            "operationId": name,
            "tags": ["ledger"],
            "summary": summary,
            "parameters": [*parameters, request_id],
            "security": security,
            "responses": {"200": answer, **refused},
        }
        return {"get": operation}

    return {
        "/payments": get(
            "listPayments",
            "Payments, newest first",
            "LedgerPage",
            *_SEARCH,
            _LIMITED,
            _query("cursor", "`next` of the page before."),
        ),
        "/payments/{transaction}": get(
            "showPayment",
            "A payment and all its events",
            "LedgerPaymentStory",
            _TRANSACTION,
            bad="invalid_transaction_id",
            more=(404,),
        ),
        "/payments/totals": get(
            "totalPayments",
            "Sums by network and asset; of settled payments unless `state` says otherwise",
            "LedgerTotals",
            *_SEARCH,
            _query("by", f"Some of {', '.join(TotalBy)}, with commas between them."),
        ),
        "/payments/events": get(
            "followPayments",
            "Changes of all payments, to follow them",
            "LedgerEvents",
            _query("after", "`last` of the call before; without it there are none yet.", COUNT),
            _LIMITED,
        ),
        "/payments/refusals": get(
            "countRefusals",
            "Refused requests by day, endpoint, reason and caller",
            "LedgerRefusals",
            _query("since", "The first day, as YYYY-MM-DD."),
        ),
    }
