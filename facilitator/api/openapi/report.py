"""JSON Schema of the report of ``/inspect``."""

from facilitator.api.openapi.schemas import COUNT, ID, TEXT, Schema, items, maybe, record, ref
from facilitator.inspection.checks import Result

_HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{56}$"}
_FLAG: Schema = {"type": "boolean"}
_RESULT: Schema = {"enum": [result.value for result in Result]}
_TIME = record({"slot": COUNT, "time": TEXT})
_ASSETS = items(record({"asset": TEXT, "name": maybe(TEXT), "quantity": TEXT}))
_HOLDS = {
    "address": TEXT,
    "lovelace": {"type": "integer"},
    "assets": _ASSETS,
    "datum": maybe(TEXT),
    "referenceScript": maybe(_HASH),
}
_INPUTS = items(
    record(
        {
            "ref": TEXT,
            "status": {"enum": ["unspent", "spent or never made", "unknown"]},
            **_HOLDS,
            "spentBy": maybe(TEXT),
            "why": maybe(TEXT),
        },
        *_HOLDS,
        *("spentBy", "why"),
    )
)
_OUTPUT = record({**_HOLDS, "minimumLovelace": maybe(COUNT)})

_TRANSACTION = record(
    {
        "id": ID,
        "bytes": COUNT,
        "size": COUNT,
        "markedValid": _FLAG,
        "inputs": _INPUTS,
        "referenceInputs": _INPUTS,
        "collateral": _INPUTS,
        "outputs": items(_OUTPUT),
        "collateralReturn": maybe(_OUTPUT),
        "fee": COUNT,
        "minimumFee": maybe(COUNT),
        "validFrom": maybe(_TIME),
        "validBefore": maybe(_TIME),
        "signers": items(
            record(
                {"key": _HASH, "for": items(TEXT), "signed": _FLAG, "signatureHolds": maybe(_FLAG)}
            )
        ),
        "mint": _ASSETS,
        "withdrawals": items(record({"address": TEXT, "lovelace": COUNT})),
        "certificates": items(TEXT),
        "votes": items(TEXT),
        "proposals": items(TEXT),
        "donation": COUNT,
        "guards": items(TEXT),
        "directDeposits": items(record({"address": TEXT, "lovelace": COUNT})),
        "subTransactions": items(ID),
        "auxiliaryDataBytes": maybe(COUNT),
        "metadata": maybe(items(record({"label": TEXT, "value": TEXT}))),
        "scripts": items(record({"hash": _HASH, "language": TEXT})),
        "redeemers": COUNT,
    },
    description="Amounts in lovelace.",
)

REPORT_SCHEMAS: dict[str, Schema] = {
    "InspectedTransaction": _TRANSACTION,
    "Check": record(
        {
            "scope": {"enum": ["scheme", "ledger"]},
            "name": TEXT,
            "rule": maybe(TEXT),
            "result": _RESULT,
            "detail": TEXT,
            "about": maybe(TEXT),
        },
        description="What one rule says.",
    ),
    "Report": record(
        {
            "input": {"const": "payment"},
            "network": ref("Network"),
            "slot": COUNT,
            "time": TEXT,
            "result": _RESULT,
            "verify": ref("VerifyResponse"),
            "transaction": maybe(ref("InspectedTransaction")),
            "checks": items(ref("Check")),
        }
    ),
}
