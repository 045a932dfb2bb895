"""Every operation of the core by path, with its requests and answers."""

from collections.abc import Mapping
from typing import Any

from facilitator.api.openapi import examples
from facilitator.api.openapi.parameters import parameter
from facilitator.api.openapi.refusals import OF_SETTLE, OF_VERIFY, PLAIN, Shape, headers, refusals
from facilitator.api.openapi.schemas import OPEN, TEXT, Schema, about, ref
from facilitator.x402.reasons import Reason

_JSON = "application/json"
_BODY = (413, 415)
_OF_MESSAGES = (Reason.INVALID_PAYLOAD, Reason.INVALID_REQUIREMENTS, Reason.INVALID_VERSION)


def _operation(
    name: str,
    tag: str,
    summary: str,
    answers: Mapping[str, Schema],
    *,
    parameters: tuple[str, ...] = (),
    description: str = "",
    **further: Any,
) -> Schema:
    operation = {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        "parameters": [parameter(each) for each in (*parameters, "RequestId")],
        **further,
        "responses": dict(answers),
    }
    return about(operation, description) if description else operation


def _answer(description: str, schema: str, **shown: tuple[str, Mapping[str, Any]]) -> Schema:
    """Return a JSON answer; ``shown`` are examples, each a sentence and the value."""
    content: Schema = {"schema": ref(schema)}
    if shown:
        content["examples"] = _examples(shown)
    return about({"headers": headers(), "content": {_JSON: content}}, description)


def _examples(shown: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Schema:
    return {name: {"summary": summary, "value": value} for name, (summary, value) in shown.items()}


def _body(schema: str, max_bytes: int, **shown: tuple[str, Mapping[str, Any]]) -> Schema:
    return {
        "description": f"At most {max_bytes} bytes, not compressed.",
        "required": True,
        "content": {_JSON: {"schema": ref(schema), "examples": _examples(shown)}},
    }


def paths(max_body_bytes: int, security: list[Schema]) -> dict[str, Schema]:
    """Return the path items; ``security`` is for the operations on payments."""
    return {
        **_payments(max_body_bytes, security),
        **_transactions(max_body_bytes),
        **_facilitator(),
        **_health(),
    }


def _payments(max_body_bytes: int, security: list[Schema]) -> dict[str, Schema]:
    payment = _body(
        "PaymentRequest",
        max_body_bytes,
        payment=(examples.SIGNED_WHEN, examples.PAYMENT),
    )

    def refused(shape: Shape, *statuses: int) -> dict[str, Schema]:
        return refusals(401, 403, *_BODY, *statuses, shape=shape, reasons={400: _OF_MESSAGES})

    verified = _answer(
        "The verdict.",
        "VerifyResponse",
        valid=("Valid.", examples.VALID),
        held=("Valid; its input was offered to another recipient before.", examples.HELD),
        expired=("An hour later.", examples.EXPIRED),
        named=("Another payment has its payment identifier.", examples.NAMED),
    )
    settled = _answer(
        "The outcome: settled, pending or failed.",
        "SettleResponse",
        settled=("Settled.", examples.SETTLED),
        pending=("Not yet: repeat the call.", examples.PENDING),
        duplicate=("Settled, and delivered to another caller.", examples.DUPLICATE),
    )
    cancelled = _answer(
        "Whether a hold has ended.",
        "Cancellation",
        cancelled=("The inputs are free again.", examples.CANCELLED),
        not_held=("Nothing was held, or it is being settled.", examples.NOT_CANCELLED),
    )
    inspected = _answer("The report, whatever it says.", "Report")
    described = {"200": _answer("The description.", "Description"), **refusals()}
    return {
        "/verify": {
            "post": _operation(
                "verify",
                "payments",
                "Whether a payment is valid",
                {"200": verified, **refused(OF_VERIFY, 503)},
                description="Judges the transaction by the ledger's rules and by what the "
                "requirements ask. Submits nothing, and commits nothing: the hold on its inputs "
                "is advice for other recipients.",
                requestBody=payment,
                security=security,
            ),
            "get": _operation("describeVerify", "facilitator", "Describe `/verify`", described),
        },
        "/settle": {
            "post": _operation(
                "settle",
                "payments",
                "Submit a payment once, and wait for the chain",
                {"200": settled, **refused(OF_SETTLE, 409, 503)},
                description="Waits until the transaction is as deep in the chain as the "
                "requirements ask, for a limited time. Repeating the call resumes; nothing is "
                "submitted again. Only one caller gets `success: true`. A payment that `/verify` "
                "found valid is let in over the rate limit, with one repeat.",
                parameters=("Prefer", "IdempotencyKey"),
                requestBody=payment,
                security=security,
            ),
            "get": _operation("describeSettle", "facilitator", "Describe `/settle`", described),
        },
        "/cancel": {
            "post": _operation(
                "cancel",
                "payments",
                "Give up a verified payment that will not be settled",
                {"200": cancelled, **refused(PLAIN, 503)},
                description="Takes the body of `/verify`, and ends the hold on its inputs. A "
                "settlement goes on.",
                requestBody=payment,
                security=security,
            )
        },
        "/inspect": {
            "post": _operation(
                "inspect",
                "payments",
                "Every rule's verdict on a payment",
                {"200": inspected, **refused(PLAIN, 503)},
                requestBody=payment,
                security=security,
            )
        },
    }


def _transactions(max_body_bytes: int) -> dict[str, Schema]:
    known = _answer("How it stands.", "Status", confirmed=("Settled here.", examples.STATUS))
    malformed = "invalid_transaction_id"
    unavailable = {503: (Reason.CHAIN_LOOKUP_FAILED,)}
    return {
        "/status/{transaction}": {
            "get": _operation(
                "status",
                "transactions",
                "How a transaction stands, settled here or not",
                {
                    "200": known,
                    **refusals(403, 404, 503, reasons={400: (malformed,), **unavailable}),
                },
                parameters=("Transaction",),
            )
        },
        "/status": {
            "post": _operation(
                "postStatus",
                "transactions",
                "The same, by its id in a body",
                {
                    "200": known,
                    **refusals(
                        403,
                        *_BODY,
                        503,
                        reasons={400: (Reason.INVALID_PAYLOAD, malformed), **unavailable},
                    ),
                },
                requestBody=_body(
                    "StatusRequest",
                    max_body_bytes,
                    transaction=("Its id.", {"transaction": examples.TRANSACTION}),
                ),
            )
        },
    }


def _facilitator() -> dict[str, Schema]:
    supported = _answer(
        "What is served.", "Supported", devnet=("On the devnet.", examples.SUPPORTED)
    )
    document = {"schema": OPEN}
    page = {"schema": TEXT}
    unchanged = about({"headers": headers("ETag")}, "It is what `If-None-Match` names.")
    return {
        "/supported": {
            "get": _operation(
                "supported",
                "facilitator",
                "Payment kinds, extensions and signers",
                {"200": supported, **refusals()},
            )
        },
        "/openapi.json": {
            "get": _operation(
                "openapi",
                "facilitator",
                "This description",
                {"200": _file(_JSON, document), "304": unchanged, **refusals()},
            )
        },
        "/": {
            "get": _operation(
                "index",
                "facilitator",
                "Name, version and endpoints",
                {"200": _answer("The list.", "Index"), **refusals()},
            )
        },
        "/docs": {
            "get": _operation(
                "docs",
                "facilitator",
                "This description as a page to try it out",
                {"200": _file("text/html", page), "304": unchanged, **refusals()},
            )
        },
    }


def _file(media_type: str, content: Schema) -> Schema:
    return about({"headers": headers("ETag"), "content": {media_type: content}}, "The document.")


def _health() -> dict[str, Schema]:
    ready = _answer("Requests should be sent here.", "Readiness")
    not_ready = _answer("Stopping, or a dependency is down.", "Readiness")
    alive = _answer("It answers.", "Alive")
    healthy = _answer("All dependencies are up, or some.", "Health")
    unhealthy = _answer("All dependencies are down.", "Health")
    return {
        "/health": {
            "get": _operation(
                "health",
                "health",
                "Every dependency, and whether it is up",
                {"200": healthy, "503": unhealthy, **refusals()},
            )
        },
        "/health/live": {
            "get": _operation(
                "live", "health", "Whether the process answers", {"200": alive, **refusals()}
            )
        },
        "/health/ready": {
            "get": _operation(
                "ready",
                "health",
                "Whether requests should be sent here",
                {"200": ready, "503": not_ready, **refusals()},
            )
        },
    }
