"""JSON Schemas of x402's messages.

A request's schema holds exactly when the parser takes the request. The rules for the verdict on a
payment are only described, since a bad payment is no bad request.
"""

from facilitator.api.openapi.schemas import (
    COUNT,
    ID,
    OPEN,
    TEXT,
    Schema,
    about,
    record,
    ref,
    whole,
)
from facilitator.cardano import output_ref
from facilitator.exact.payment import MAX_TRANSACTION_BYTES
from facilitator.exact.terms import AMOUNT, ASSET, MAX_CONFIRMATIONS
from facilitator.roles.payment import MEMPOOL
from facilitator.x402.messages import MAX_INTEGER, PAYMENT_IDENTIFIER

_INTEGER: Schema = {"type": "integer", "minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}

_REQUIREMENTS = record(
    {
        "scheme": about(TEXT, "A scheme in `/supported`, such as `exact`."),
        "network": about(TEXT, "A network in `/supported`, by its id, CIP-34 id or another alias."),
        "amount": about(TEXT, f"Atomic units: `{whole(AMOUNT)}`."),
        "asset": about(
            TEXT, f"`lovelace`, or policy id and asset name in hexadecimal: `{whole(ASSET)}`."
        ),
        "payTo": about(TEXT, "Address, bech32 or Byron."),
        "maxTimeoutSeconds": about(_INTEGER, "How far ahead the transaction's TTL may be."),
        "extra": {
            **OPEN,
            "type": ["object", "null"],
            "description": "`assetTransferMethod` (of those in `/supported`; else `default`), for "
            "`script` also `script`, `scriptHash`, `parameters` and `datum`; and "
            '`confirmationPolicy`: `{"l1Confirmations": n}` with n newer blocks from '
            f"{MEMPOOL} (a node took it) to {MAX_CONFIRMATIONS}, else 1. With `feeSponsor` and "
            "`areFeesSponsored` the resource server offers to pay the fee.",
        },
    },
    "extra",
    description="What a payment must do.",
)

_PAYLOAD = record(
    {
        "x402Version": about(_INTEGER, "2."),
        "accepted": about(
            ref("PaymentRequirements"),
            "The client's copy of the requirements: may only add to `extra`.",
        ),
        "payload": {
            **OPEN,
            "description": "The scheme's own part.",
            "properties": {
                "transaction": {
                    "description": "Signed transaction, CBOR in canonical base64, of at most "
                    f"{MAX_TRANSACTION_BYTES} bytes.",
                    "contentEncoding": "base64",
                    "contentMediaType": "application/cbor",
                },
                "nonce": {
                    "description": "The input that makes the payment unique, whose owner pays, as "
                    f"transaction id and index: `{whole(output_ref.LAX)}`."
                },
                "sponsorWitnesses": {
                    "description": "At `/settle` of a payment whose fee the resource server pays: "
                    "its signature, a witness set as CBOR in hexadecimal."
                },
            },
        },
        "extensions": {
            "additionalProperties": True,
            "description": "Of x402's extensions, `payment-identifier` is read.",
            "properties": {
                "payment-identifier": {
                    "properties": {
                        "info": {
                            "properties": {
                                "id": {
                                    "type": ["string", "null"],
                                    "pattern": whole(PAYMENT_IDENTIFIER),
                                    "description": "The payer's guard against paying twice: until "
                                    "its payment has failed, no other one of this payer to this "
                                    "recipient is valid under it. It never repeats a success.",
                                }
                            }
                        }
                    }
                }
            },
        },
    },
    "extensions",
    description="What the paying client sent to the resource server.",
)

_STATES: Schema = {"enum": ["confirmed", "mempool", "pending", "rejected", "expired"]}

_VERIFY_EXTRA = record(
    {
        "reserved": about(
            {"type": "boolean"},
            "False: the inputs are not held for this payment. Without `heldFor` the storage could "
            "not be asked, the payer has as many holds as it may have, or none are kept.",
        ),
        "heldFor": about(
            ID,
            "A payment to another recipient that was verified before and spends an input of this "
            "one. The verdict holds all the same: the first one that is settled gets the input.",
        ),
        "heldSeconds": about(COUNT, "For how long that one is held, at most."),
        "status": about(_STATES, "How the transaction that has the payment identifier stands."),
        "transactionId": about(ID, "The transaction that has the payment identifier."),
    },
    *("reserved", "heldFor", "heldSeconds", "status", "transactionId"),
)

_SETTLE_EXTRA = record(
    {
        "status": _STATES,
        "confirmations": {
            "type": "integer",
            "minimum": MEMPOOL,
            "description": f"Newer blocks; {MEMPOOL} when a node took it and no block has it yet.",
        },
        "transactionId": about(
            ID, "The transaction meant: for a refused payment identifier, the one that has it."
        ),
    },
    "confirmations",
    "transactionId",
)

_EXTENSIONS: Schema = {
    "description": "What plugins add, by extension key. The header EXTENSION-RESPONSES has the "
    "same, as base64 of JSON.",
    "type": "object",
    "additionalProperties": OPEN,
}

MESSAGE_SCHEMAS: dict[str, Schema] = {
    "VerifyExtra": _VERIFY_EXTRA,
    "SettleExtra": _SETTLE_EXTRA,
    "PaymentRequirements": _REQUIREMENTS,
    "PaymentPayload": _PAYLOAD,
    "PaymentRequest": record(
        {
            "x402Version": {"const": 2},
            "paymentPayload": ref("PaymentPayload"),
            "paymentRequirements": ref("PaymentRequirements"),
        }
    ),
    "VerifyResponse": record(
        {
            "isValid": {"type": "boolean"},
            "payer": about(TEXT, "Address that pays, when known."),
            "invalidReason": ref("Reason"),
            "invalidMessage": about(TEXT, "The same for people."),
            "extra": ref("VerifyExtra"),
            "extensions": _EXTENSIONS,
        },
        *("payer", "invalidReason", "invalidMessage", "extra", "extensions"),
    ),
    "SettleResponse": record(
        {
            "success": about(
                {"type": "boolean"}, "Whether it is settled, and delivered to this caller."
            ),
            "transaction": {
                "type": "string",
                "pattern": "^([0-9a-f]{64})?$",
                "description": "Its id; empty when it could not be read.",
            },
            "network": about(TEXT, "Canonical id; what was asked for when that is none."),
            "payer": about(TEXT, "Address that pays, when known."),
            "amount": about(
                {"type": "string", "pattern": "^[0-9]{1,78}$"}, "Atomic units that were paid."
            ),
            "errorReason": ref("Reason"),
            "errorMessage": about(TEXT, "The same for people."),
            "extra": ref("SettleExtra"),
            "extensions": _EXTENSIONS,
        },
        *("payer", "amount", "errorReason", "errorMessage", "extra", "extensions"),
    ),
    "Cancellation": record(
        {
            "cancelled": about({"type": "boolean"}, "Whether a hold was ended by this call."),
            "transaction": about(ID, "Its id, when the payment could be read."),
            "errorReason": about(ref("Reason"), "Why it could not be read."),
            "errorMessage": about(TEXT, "The same for people."),
        },
        *("transaction", "errorReason", "errorMessage"),
    ),
}
