"""Examples of requests and answers, all of one real payment.

A wallet of the devnet signed it on 2025-12-06 at 05:46:40 UTC, for five minutes. The description
has another one in its place, whose time is not over (:mod:`facilitator.api.openapi.signed`).
"""

from collections.abc import Mapping
from typing import Any

NETWORK = "cardano:preprod"
TRANSACTION = "51fbff33b77707ab1bb4dad96286d1b8eb3c1fdda37a197c3f0333f88b4559f6"
PAYER = (
    "addr_test1qr3cs7hdzgntujrw8wrzuly2h3z2hxf740cf80kp8qf0qy3s9gw9u6uzjtrn2yjjmqx3ecs5pmksqp2ruv9m8"
    "7970fxqt6ye0p"
)

MERCHANT = (
    "addr_test1qzpr7x55whzm8ghq0khfdqzlqwml8gkuv2tywfaguk5pl4fdqu6pcglkzgwan8t6me7kgveak2uyjzm35fdd4"
    "jp4k9zsd35xyq"
)
_SIGNED = (
    "hKQA2QECgYJYIEdexaQedzLqEvWK5cUSgmqoNgl0l352aYkD9ReVY2HjAAGCogBYOQCCPxqUdcWzouB9rpaAXwO386Lc"
    "YpZHJ6jlqB/VLQc0HCP2Eh3ZnXrefWQzPbK4SQtxolrayDWxRQEaAB6EgKIAWDkA44h67RImvkhuO4YufIq8RKuZPqvw"
    "k77BOBLwEjAqHF5rgpLHNRJS2A0c4hQO7QAFQ+MLs/i+ekwBGjt5svsCGgACkoUDGgaEC+yhANkBAoGCWCA+kjnVLxa8"
    "TpOwFvghHw8SRQV2WfSgkzj9aTCjk3QOl1hAesGlxId3eGZA23wztxAsDCIhGVbsOdWZsKDtAWFt/gYR5c0hhYM1RZac"
    "sGpTsy1fntMDnFMq2G8T0Db9RUVzDfX2"
)

_REQUIREMENTS = {
    "scheme": "exact",
    "network": NETWORK,
    "amount": "2000000",
    "asset": "lovelace",
    "payTo": MERCHANT,
    "maxTimeoutSeconds": 600,
    "extra": {"confirmationPolicy": {"l1Confirmations": 1}},
}

PAYMENT: Mapping[str, Any] = {
    "x402Version": 2,
    "paymentPayload": {
        "x402Version": 2,
        "accepted": _REQUIREMENTS,
        "payload": {
            "transaction": _SIGNED,
            "nonce": "475ec5a41e7732ea12f58ae5c512826aa8360974977e76698903f517956361e3#0",
        },
    },
    "paymentRequirements": _REQUIREMENTS,
}

SIGNED_WHEN = "A payment that was valid in December 2025."
"""Summary of the payment."""

VALID: Mapping[str, Any] = {"isValid": True, "payer": PAYER}

EARLIER = "ba1a2b5af1e0bd9e0e3fb0e1a8b3ee5b4d45d0b1aa53d1c6a4b0d1c07ea4d4b2"
"""Id of another transaction."""

HELD: Mapping[str, Any] = {
    **VALID,
    "extra": {"reserved": False, "heldFor": EARLIER, "heldSeconds": 95},
}

NAMED: Mapping[str, Any] = {
    "isValid": False,
    "payer": PAYER,
    "invalidReason": "duplicate_settlement",
    "invalidMessage": f"the payment identifier belongs to the transaction {EARLIER}, which is "
    "pending; another payment can have it once that one has failed",
    "extra": {"status": "pending", "transactionId": EARLIER},
}

EXPIRED: Mapping[str, Any] = {
    "isValid": False,
    "invalidReason": "invalid_exact_cardano_payload_ttl_expired",
    "invalidMessage": "OutsideValidityIntervalUTxO: "
    "valid before slot 109317100, now is slot 109320400",
}

PENDING: Mapping[str, Any] = {
    "success": False,
    "transaction": TRANSACTION,
    "network": NETWORK,
    "payer": PAYER,
    "errorReason": "settlement_pending",
    "errorMessage": "submitted; not in a block yet, 1 are required. "
    "Repeat the call to go on waiting",
    "extra": {"status": "pending", "transactionId": TRANSACTION},
}

SETTLED: Mapping[str, Any] = {
    "success": True,
    "transaction": TRANSACTION,
    "network": NETWORK,
    "payer": PAYER,
    "amount": "2000000",
    "extra": {"status": "confirmed", "confirmations": 1},
}

DUPLICATE: Mapping[str, Any] = {
    "success": False,
    "transaction": TRANSACTION,
    "network": NETWORK,
    "payer": PAYER,
    "errorReason": "duplicate_settlement",
    "errorMessage": "this transaction cannot be reported as a success here: "
    "its success was already reported",
    "extra": {"status": "confirmed", "transactionId": TRANSACTION, "confirmations": 1},
}

CANCELLED: Mapping[str, Any] = {"cancelled": True, "transaction": TRANSACTION}

NOT_CANCELLED: Mapping[str, Any] = {"cancelled": False, "transaction": TRANSACTION}

STATUS: Mapping[str, Any] = {
    "transaction": TRANSACTION,
    "network": NETWORK,
    "status": "confirmed",
    "settled": True,
    "confirmations": 1,
    "block": "1e5151431c3d9308f7ebf48dfc6c339497ec87b1670e1c63da0f5a3edecd7212",
}

SUPPORTED: Mapping[str, Any] = {
    "kinds": [
        {
            "x402Version": 2,
            "scheme": "exact",
            "network": NETWORK,
            "extra": {
                "assetTransferMethods": ["default", "script"],
                "areFeesSponsored": False,
                "acceptsSponsorWitnesses": True,
                "l1Confirmations": {"minimum": 0, "maximum": 20},
                "devnet": True,
            },
        }
    ],
    "extensions": ["payment-identifier"],
    "signers": {"cardano:*": []},
}
